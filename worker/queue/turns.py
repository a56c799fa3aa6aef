"""Whose turn it is among the job types: each has its share of the jobs that are started, by weight.

Start-time fair queueing. A job type's next job is due at a time that counts no seconds: each job
that is started moves it on by one over the weight of its type. What is due first goes first. A type
that had nothing to do is due now, and not long ago: nobody saves up turns, nobody is fined for
having used what others left. A type with much to do waits no longer than the others need for
their shares.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

LOOKAHEAD = 250_000


@dataclass(frozen=True, slots=True)
class Order:
    """What to take first."""

    shares: Mapping[str, int]
    """How many of each job type, in this order; and the same again of what some leave."""
    lookahead: int = LOOKAHEAD
    """Jobs of one type that are sorted by tenant and deadline; 0 takes them as they come."""


class Turns:
    """Remembers how far each job type has come.

    Args:
        weights: of each job type that is served; 1 or more.
        lookahead: as in `Order`.
    """

    def __init__(self, weights: Mapping[str, int], *, lookahead: int = LOOKAHEAD) -> None:
        self._costs = {name: 1 / weight for name, weight in weights.items()}
        self._due = dict.fromkeys(weights, 0.0)
        self._now = 0.0
        self._lookahead = lookahead

    def order(self, room: int, job_types: Collection[str] | None = None) -> Order:
        """Which to take, of all job types or of these, when there is room for so many jobs."""
        names = [name for name in self._due if job_types is None or name in job_types]
        # At the same moment the heavier goes first, whose turn is over sooner.
        line = [(self._start(name), self._costs[name], name) for name in names]
        heapq.heapify(line)
        shares: dict[str, int] = {}
        for _ in range(room if line else 0):
            due, cost, name = line[0]
            shares[name] = shares.get(name, 0) + 1
            heapq.heapreplace(line, (due + cost, cost, name))
        rest = (name for _, _, name in sorted(line) if name not in shares)
        return Order(shares | dict.fromkeys(rest, 0), self._lookahead)

    def took(self, job_types: Iterable[str]) -> None:
        """Jobs were started: their types, one for each job."""
        latest = self._now
        for name in job_types:
            start = self._start(name)
            self._due[name] = start + self._costs[name]
            latest = max(latest, start)
        self._now = latest

    def _start(self, name: str) -> float:
        return max(self._due[name], self._now)
