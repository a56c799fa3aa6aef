"""A toy of a server that batches, on a clock of its own: seats, a queue, workers with much to do.

No HTTP and no event loop: it is for finding out where limits end up, minutes in a blink.
"""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from worker.llm.limit import AdaptiveLimit, Bounds, Load

SIGMA = 0.8
EVEN = 0.9
HOLDS_S = 4.0
"""So long counts what a worker has told the others."""


@dataclass(slots=True)
class Seen:
    """What was seen from some time on: integrals over time."""

    seats: int
    seconds: float = 0.0
    running: float = 0.0
    waiting: float = 0.0
    limits: list[float] = field(default_factory=list[float])
    """Of each worker, times seconds."""
    even_at_s: float | None = None
    """From when on their limits were even, Jain's index of 0.9 at least, counted from `from_s`."""
    queue_peak: float = 0.0
    """The most that waited at once, as a share of the seats."""

    @property
    def busy(self) -> float:
        """The share of the seats that worked."""
        return self.running / self.seconds / self.seats

    @property
    def queue(self) -> float:
        """What waited, as a share of what ran."""
        return self.waiting / self.running

    @property
    def fairness(self) -> float:
        """Jain's index of the limits: 1 when all are equal."""
        return jain(self.limits)

    def see(self, span_s: float, running: int, waiting: int, limits: list[int]) -> None:
        """So it was for so long."""
        if self.even_at_s is None and jain(limits) >= EVEN:
            self.even_at_s = self.seconds
        self.seconds += span_s
        self.running += running * span_s
        self.waiting += waiting * span_s
        self.queue_peak = max(self.queue_peak, waiting / self.seats)
        self.limits = [was + limit * span_s for was, limit in zip(self.limits, limits, strict=True)]


def jain(shares: Sequence[float]) -> float:
    """1 when all shares are equal, 1/n when one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


class Toy:
    """One server and its workers.

    Args:
        seats: what it runs at once; whatever more comes waits, first come, first served.
        joins: when each worker begins, in seconds.
        mean_s: an answer's time; log-normal.
        seed: decides everything.
        heard: whether the workers hear of each other.

    Attributes:
        needs: the most that each worker has to do at once; without bounds at first.
    """

    def __init__(
        self, seats: int, joins: list[float], *, mean_s: float, seed: int, heard: bool = False
    ) -> None:
        self.needs = [math.inf] * len(joins)
        self._heard = heard
        self._told: dict[int, tuple[float, float]] = {}
        self._rng = Random(seed)
        self._seats, self._mean_s, self._joins = seats, mean_s, joins
        self.limits = [AdaptiveLimit(Bounds(2, 1_024, 8)) for _ in joins]
        self._in_flight = [0] * len(joins)
        self._queue: deque[int] = deque()
        self._running = 0
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, str, int]] = []
        for worker, at in enumerate(joins):
            self._plan(at, "join", worker)
            self._plan(at + self._rng.random(), "poll", worker)

    def run(self, until_s: float, *, from_s: float) -> Seen:
        """Let time go on; what is seen from `from_s` on."""
        seen = Seen(self._seats, limits=[0.0] * len(self.limits))
        last = 0.0
        for at, kind, worker in self._until(until_s):
            span = at - max(last, from_s)
            if span > 0:
                limits = [limit.value for limit in self.limits]
                seen.see(span, self._running, len(self._queue), limits)
            last = at
            if kind == "end":
                self._running -= 1
                self._in_flight[worker] -= 1
            elif kind == "poll":
                load = Load(self._running, len(self._queue))
                self.limits[worker].has_told(load, self._in_flight[worker], at)
                if self._heard:
                    self._meet(worker, at)
                self._plan(at + 0.75 + 0.5 * self._rng.random(), "poll", worker)
            self._fill(at)
        return seen

    def _meet(self, worker: int, now: float) -> None:
        """As `LoadWatch` and the board do it."""
        limit = self.limits[worker]
        self._told.pop(worker, None)
        if limit.is_used(self._in_flight[worker]):
            others = [said for at, said in self._told.values() if now - at < HOLDS_S]
            self._told[worker] = (now, limit.exact)
            if others:
                limit.is_shared(others)

    def _until(self, end_s: float) -> Iterator[tuple[float, str, int]]:
        while self._events and self._events[0][0] <= end_s:
            at, _, kind, worker = heapq.heappop(self._events)
            yield at, kind, worker

    def _plan(self, at: float, kind: str, worker: int) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), kind, worker))

    def _fill(self, now: float) -> None:
        workers = [n for n, at in enumerate(self._joins) if at <= now]
        self._rng.shuffle(workers)
        for worker in workers:
            while self._in_flight[worker] < min(self.limits[worker].value, self.needs[worker]):
                self._in_flight[worker] += 1
                self._queue.append(worker)
        while self._queue and self._running < self._seats:
            self._running += 1
            took = self._rng.lognormvariate(math.log(self._mean_s) - SIGMA**2 / 2, SIGMA)
            self._plan(now + took, "end", self._queue.popleft())
