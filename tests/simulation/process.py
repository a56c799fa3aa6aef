"""A process of the simulated world: it can be killed, and frozen, at any moment."""

import asyncio
import math
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.virtual_loop import VirtualLoop


@dataclass(eq=False, slots=True)
class Process:
    """One start of one worker, with a loop of its own.

    Attributes:
        alive: False from the moment it ends: nothing it does then reaches anybody.
        was_killed: whether that was not of its own will.
        frozen_until: as after SIGSTOP, its tasks do not run before this time.
        cut: whether its jobs were cancelled at the end of its grace period.
        troubles: when it was frozen, or out of touch with Redis.
    """

    name: str
    loop: VirtualLoop
    alive: bool = True
    was_killed: bool = False
    frozen_until: float = 0.0
    cut: bool = False
    troubles: list[float] = field(default_factory=list[float])

    @property
    def wake_at(self) -> float:
        """When it runs next."""
        return max(self.loop.wake_at, self.frozen_until) if self.alive else math.inf

    def must_live(self) -> None:
        """Called before anything that others could see.

        Raises:
            CancelledError: the process is dead, and its code runs only to be taken apart.
        """
        if not self.alive:
            raise asyncio.CancelledError

    def kill(self) -> None:
        """SIGKILL: it ends where it stands."""
        self.alive, self.was_killed = False, True
        self.loop.stop()

    def freeze(self, until: float) -> None:
        """SIGSTOP until then."""
        self.frozen_until = max(until, self.frozen_until)
        self.troubles += [self.loop.time(), self.frozen_until]
        self.loop.stop()

    def thaw(self, at: float) -> None:
        """SIGCONT, sooner than was meant."""
        self.frozen_until = min(self.frozen_until, at)

    def troubled(self) -> None:
        """Something happened that may cost it its leases."""
        self.troubles.append(self.loop.time())

    def was_troubled(self, since: float, until: float) -> bool:
        """Whether there was trouble in this span of time."""
        return any(since <= at <= until for at in self.troubles)

    def receive(self, at: float, future: "asyncio.Future[Any]", answer: object) -> None:
        """Have an answer arrive for whoever waits for it, if by then there still is anybody."""
        if self.alive:
            self.loop.post_at(at, _resolve, future, answer)


def _resolve(future: "asyncio.Future[Any]", answer: object) -> None:
    if not future.done():
        future.set_result(answer)
