"""Leaving a sick server alone, and finding out when it is well again.

A sliding window of calls is judged by how many failed and how many were slow. Too many of either
opens the breaker: nobody calls. After a while a few calls may try (half open); when they succeed it
closes, and with the first failure it opens again for twice as long. Of a server that was away, and
not just sick, it is seen when it is back: then nobody waits for that time to be over. Time is
monotonic and comes in from outside.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

OPEN_MAX_S = 60.0
WINDOW_CALLS = 50
WINDOW_S = 600.0
UNREACHED_MAX = 3
"""So many calls in a row that did not even reach the server need no statistics."""


class State(StrEnum):
    """How a server is treated."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When to open, and for how long: each is a setting `LLM_BREAKER_…`."""

    min_calls: int = 10
    failure_rate: float = 0.5
    slow_rate: float = 0.9
    open_s: float = 5.0
    probes: int = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a call ended. `unreached`: it failed before the server had it."""

    failed: bool = False
    slow: bool = False
    unreached: bool = False


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to make one call; `era` tells calls that were begun before the state last changed."""

    era: int


class Breaker:
    """The breaker before one server.

    Args:
        limits: when to open.
        elapsed: monotonic seconds.
    """

    def __init__(self, limits: BreakerLimits, elapsed: Callable[[], float]) -> None:
        self._limits = limits
        self._elapsed = elapsed
        self._state = State.CLOSED
        self._era = 0
        self._window: deque[tuple[float, Verdict]] = deque(maxlen=WINDOW_CALLS)
        self._unreached = 0
        self._openings = 0  # in a row, without having closed between them
        self._opened_at = self._due_at = 0.0
        self._away = False  # since it was opened
        self._returns = 0  # like `_openings`: how often it was tried because it seemed to be back
        self._probing = 0
        self._passed = 0

    @property
    def state(self) -> State:
        """How the server is treated now."""
        return self._state

    @property
    def due_in_s(self) -> float:
        """Seconds until a call may try again; 0 when it may now."""
        return max(0.0, self._due_at - self._elapsed()) if self._state is State.OPEN else 0.0

    @property
    def admits(self) -> bool:
        """Whether a call may be made now, be it as a probe."""
        match self._state:
            case State.CLOSED:
                return True
            case State.OPEN:
                return self._elapsed() >= self._due_at
            case State.HALF_OPEN:
                return self._probing < self._limits.probes

    def enter(self) -> Pass:
        """Begin a call; only while `admits`. Each pass ends in `record` or `abandon`."""
        if self._state is State.OPEN:
            self._turn(State.HALF_OPEN)
        if self._state is State.HALF_OPEN:
            self._probing += 1
        return Pass(self._era)

    def abandon(self, entered: Pass) -> None:
        """A call was given up by its caller: nothing is known of the server."""
        if self._state is State.HALF_OPEN and entered.era == self._era:
            self._probing -= 1

    def record(self, entered: Pass, verdict: Verdict) -> None:
        """A call has ended. What was begun before the last change says nothing any more."""
        if entered.era != self._era:
            return
        if self._state is State.HALF_OPEN:
            self._probing -= 1
            self._judge_probe(verdict)
            return
        self._unreached = self._unreached + 1 if verdict.unreached else 0
        self._window.append((self._elapsed(), verdict))
        bad = verdict.failed or verdict.slow  # a good call is never what opens it
        if bad and (self._unreached >= UNREACHED_MAX or self._is_too_bad()):
            self.trip()

    def trip(self) -> None:
        """Open at once: it is known that the server is away."""
        if self._state is not State.OPEN:
            self._openings += 1
            self._away = False
            self._opened_at = self._elapsed()
            self._due_at = self._opened_at + self._rest_s(self._openings)
            self._turn(State.OPEN)

    def seen(self, *, well: bool) -> None:
        """Somebody has looked at its health while it is left alone.

        Its health may be good while its answers are not: that shortens nothing. But one that was
        away since it was opened, and is there again, may be tried at once; when that fails, the
        next return is believed only after a rest, which doubles too.
        """
        if self._state is not State.OPEN:
            return
        if well and self._away:
            rested_at = self._opened_at + self._rest_s(self._returns)
            self._due_at = min(self._due_at, max(rested_at, self._elapsed()))
            self._returns += 1
        self._away = not well

    def reset(self) -> None:
        """Close at once: it is known that the server is well."""
        self._openings = self._returns = 0
        if self._state is not State.CLOSED:
            self._turn(State.CLOSED)

    def _rest_s(self, times: int) -> float:
        """How long it is left alone when that has happened so many times in a row; 0 for none."""
        doublings = min(times - 1, 16)
        return min(self._limits.open_s * 2.0**doublings, OPEN_MAX_S) if times else 0.0

    def _judge_probe(self, verdict: Verdict) -> None:
        if verdict.failed or verdict.slow:
            self.trip()
            return
        self._passed += 1
        if self._passed >= self._limits.probes:
            self.reset()

    def _is_too_bad(self) -> bool:
        since = self._elapsed() - WINDOW_S
        while self._window and self._window[0][0] < since:
            self._window.popleft()
        calls = len(self._window)
        if calls < self._limits.min_calls:
            return False
        failed = sum(verdict.failed for _, verdict in self._window)
        slow = sum(verdict.slow for _, verdict in self._window)
        return failed / calls >= self._limits.failure_rate or slow / calls >= self._limits.slow_rate

    def _turn(self, state: State) -> None:
        self._state = state
        self._era += 1
        self._probing = self._passed = self._unreached = 0
        self._window.clear()
