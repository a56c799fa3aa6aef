"""How long it takes until nothing of a stream is left, where anybody can tell. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from worker.operations.words import age

_YOUNGEST_S, _OLDEST_S = 20.0, 90.0
"""A look that was shorter ago tells more of chance than of a rate; an older one, of the past."""


@dataclass(frozen=True, slots=True)
class Draining:
    """What becomes of a backlog.

    Attributes:
        jobs: those that are to end, without those that are paused.
        ended_a_minute: jobs that ended in the last one.
        gained_a_minute: by how many the stream grows; less than 0 where it shrinks, 0 also where
            it does neither but by chance; None: what arrives is not known.
        halted: whether nothing can end now, whatever did a moment ago.
    """

    jobs: int
    ended_a_minute: int
    gained_a_minute: int | None = None
    halted: bool = False

    @property
    def in_s(self) -> float | None:
        """Seconds until all have ended; where what arrives is not known at least that."""
        if self.halted:
            return None
        rate = self.ended_a_minute if self.gained_a_minute is None else -self.gained_a_minute
        return self.jobs / rate * 60 if self.jobs and rate > 0 else None

    @property
    def said(self) -> str:
        """The same in words."""
        if not self.jobs:
            return age(None)
        if self.halted:
            return "stands still"
        if self.gained_a_minute is None:
            return age(None) if self.in_s is None else f"at least {age(self.in_s)}"
        if self.gained_a_minute > 0:
            return f"grows by {self.gained_a_minute:,}/min"
        return age(self.in_s) if self.gained_a_minute else "steady"


def gained(
    length: int, before: Iterable[tuple[float, int]], now: float, ended_a_minute: int
) -> int | None:
    """Jobs a minute by which a stream grows, by its length then and now.

    Args:
        length: now.
        before: when somebody looked, in Unix seconds, and how long it was.
        now: in Unix seconds, on the same clock.
        ended_a_minute: what ended takes no part in chance; what arrives does.
    """
    looks = [(at, was) for at, was in before if _YOUNGEST_S <= now - at <= _OLDEST_S]
    if not looks:
        return None
    at, was = min(looks)
    found = round((length - was) * 60 / (now - at))
    arrived = max(0, found + ended_a_minute)
    return found if abs(found) > sqrt(arrived) or not arrived else 0
