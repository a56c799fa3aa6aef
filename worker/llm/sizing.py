"""Tells whoever claims jobs how many the model servers in use have room for."""

from collections.abc import Callable, Mapping, Sequence

from worker.llm.breaker import State
from worker.llm.chat import ModelRole
from worker.llm.demand import Demand, Kind
from worker.llm.line import Line
from worker.llm.replica import Replica


class Sizing:
    """Follows the servers in use.

    Args:
        lines: where calls of each kind wait for room.
    """

    def __init__(self, lines: Mapping[ModelRole, Line]) -> None:
        self._lines = lines
        self._demand = Demand()
        self._roles: Sequence[ModelRole] = ()
        self._resize: Callable[[int], None] = lambda _room: None

    def follow(self, resize: Callable[[int], None], roles: Sequence[ModelRole]) -> None:
        """Have somebody told from the next `tell` on; only these kinds of calls are counted."""
        self._resize, self._roles = resize, tuple(roles)

    def tell(self, replicas: Sequence[Replica]) -> None:
        """Tell the room at these; while all of them are left alone nothing is said."""
        well = [
            replica
            for replica in replicas
            if replica.broken is None and replica.breaker.state is State.CLOSED
        ]
        if any(replica.limits for replica in well):
            kinds = {role: self._kind(role, well) for role in self._roles}
            self._resize(self._demand.room(kinds))

    def _kind(self, role: ModelRole, replicas: Sequence[Replica]) -> Kind:
        limit = in_flight = 0
        for replica in replicas:  # a loop, as this is done twice for each call
            found = replica.limits.get(role)
            limit += 0 if found is None else found.value
            in_flight += replica.flights(role)
        return Kind(limit, in_flight, len(self._lines[role]))
