"""How many jobs may be under way, by how much each kind of call may do and does.

Texts and pictures have limits of their own, and a job is claimed before its kind is known. With
room for both kinds while there are only texts, some of those would be claimed for nothing, and wait
here while another worker has room for them.
"""

from collections.abc import Mapping
from typing import NamedTuple

from worker.llm.chat import ModelRole
from worker.llm.limit import USED


class Kind(NamedTuple):
    """One kind of call now: how many may be made at once, are made, and wait for room."""

    limit: int
    in_flight: int
    waiting: int


class Demand:
    """Remembers which kinds there is too much of.

    That is one whose calls have waited, until clearly fewer are made than may be: between the end
    of one call and the beginning of the next there is room for a moment, which says nothing.
    """

    def __init__(self) -> None:
        self._crowded: set[ModelRole] = set()

    def room(self, kinds: Mapping[ModelRole, Kind]) -> int:
        """Jobs that may be under way.

        While there is too much of one kind the others have what they use, and one more: so each
        call that is made of them makes room for the next, as fast as they come.
        """
        for role, kind in kinds.items():
            if kind.waiting:
                self._crowded.add(role)
            elif self._crowded and kind.in_flight + 1 < USED * kind.limit:
                self._crowded.discard(role)
        room = 0
        for role, kind in kinds.items():
            all_of_it = not self._crowded or role in self._crowded
            room += kind.limit if all_of_it else min(kind.limit, kind.in_flight + 1)
        return room
