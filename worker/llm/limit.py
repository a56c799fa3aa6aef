"""How many calls one server takes from this worker at once: found out by the server's own queue.

Latency says nothing of a server that batches: it rises by design, and an answer's length changes it
tenfold. Its queue does. While nothing waits there the limit grows, with much waiting it is cut in
proportion, and in between it is steered to a short queue, small limits up and large ones down, so
that workers that share a server end with equal shares, in minutes. Where they hear of each other,
they draw level in seconds. Time comes in from outside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

QUEUE_MAX = 0.05
"""More than this share of what runs may not wait."""
QUEUE_AIM = 0.01
"""To this share the limit is steered; a little more waits where limits are small."""
KV_MAX = 0.95
"""From this share of its cache in use a server is about to throw work out and do it again."""
USED = 0.8
"""A limit grows only while this share of it is in use."""
GROWTH = 0.25
"""Per second, of the limit, where no queue was seen lately; one call more at least."""
CALM_S = 10.0
"""So long without a queue is not "lately" any more."""
EVEN_S = 0.15
"""Per second: how strongly limits that share a server are drawn together."""
LEVEL = 0.3
"""Of the way to the mean of those who share a server, each time they have heard of each other. More
at once, and whoever rises before the others have come down makes a queue."""
STEER_S = 2.0
"""Per second: how strongly a queue within its bounds is answered."""
CUT_MOST = 0.5
KV_CUT = 0.9
OVERLOAD_CUT = 0.6
HOLD_S = 3.0
"""After an overload: no growth, and no second cut for what was sent before the first."""
STALE_S = 10.0
"""So long without an answer from a server that gave some the limit is kept; then it falls."""
_STEP_MAX_S = 2.0


class Reason(StrEnum):
    """Why a limit is what it is."""

    GROWING = "growing"
    """Nothing waits: it grows as far as it is used."""
    FULL = "full"
    """The server is busy, its queue short: as it should be."""
    QUEUE = "queue"
    """Too much waited."""
    KV = "kv"
    """The server's cache was full."""
    OVERLOAD = "overload"
    """A 429, a 503 or a timeout."""
    STALE = "stale"
    """The server does not tell its load any more."""
    FLOOR = "floor"
    """As low as it may be."""
    CAP = "cap"
    """As high as it may be."""
    SHARED = "shared"
    """Other workers use the server too, and have more, or less."""
    NO_METRICS = "no_metrics"
    """The server tells nothing: it grows with success, and is cut with overloads."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a server says of itself; `kv` from 0 to 1, `tokens` read and made since it started."""

    running: float
    waiting: float
    kv: float = 0.0
    tokens: float | None = None

    @property
    def queue(self) -> float:
        """The share of what runs that waits."""
        return self.waiting / max(self.running, 1.0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Calls: never fewer, never more, and at first."""

    floor: int
    cap: int
    start: int


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """A limit at one moment; `waiting` is the server's own queue, where it has told."""

    provider: str
    server: str
    role: str
    limit: int
    reason: Reason
    in_flight: int
    waiting: float | None


def levelled(own: float, others: Sequence[float]) -> float:
    """A limit on its way to the mean of its own and the others'.

    When all of them go so from the same moment their sum stays what it was.
    """
    return own + LEVEL * (fmean([own, *others]) - own)


class AdaptiveLimit:
    """The limit for one server and one kind of call.

    Args:
        bounds: a floor or start above the cap is the cap.
        measured: whether the server is asked for its load.
    """

    def __init__(self, bounds: Bounds, *, measured: bool = True) -> None:
        self._cap = max(1, bounds.cap)
        self._floor = min(max(1, bounds.floor), self._cap)
        self._exact = float(min(max(bounds.start, self._floor), self._cap))
        self._reason = Reason.GROWING if measured else Reason.NO_METRICS
        self._known = False
        """Whether the server has ever told its load."""
        self._measured = measured
        self._told_at: float | None = None
        self._queued_at: float | None = None
        self._missing_since: float | None = None
        self._held_until = 0.0
        self._grown_at: float | None = None

    @property
    def value(self) -> int:
        """Calls at once."""
        return int(self._exact)

    @property
    def exact(self) -> float:
        """The same, with the part of a call that it has grown by."""
        return self._exact

    @property
    def reason(self) -> Reason:
        """Why."""
        return self._reason

    def has_told(self, load: Load, in_flight: int, now: float) -> None:
        """The server has told its load, while it had so many calls of ours."""
        step_s = 1.0 if self._told_at is None else min(max(now - self._told_at, 0.0), _STEP_MAX_S)
        self._told_at, self._missing_since, self._known = now, None, True
        if load.queue > QUEUE_AIM:
            self._queued_at = now
        if load.kv >= KV_MAX or load.queue > QUEUE_MAX:
            if in_flight > self.value:  # the last cut is not felt there yet
                return
            if load.kv >= KV_MAX:
                self._set(self._exact * KV_CUT**step_s, Reason.KV)
            else:
                share = (1 + QUEUE_AIM) / (1 + load.queue)
                self._set(self._exact * max(CUT_MOST, share), Reason.QUEUE)
        elif now >= self._held_until:
            self._steer(load, in_flight, step_s, now)

    def has_not_told(self, now: float) -> None:
        """The server was asked for its load, and gave no answer that can be used."""
        if not self._known:
            self._measured = False
            if self._reason is Reason.GROWING:
                self._reason = Reason.NO_METRICS
            return
        if self._missing_since is None:
            self._missing_since = now
        if now - self._missing_since >= STALE_S:
            self._set(self._floor, Reason.STALE)
        self._reason = Reason.STALE

    def has_answered(self, in_flight: int, now: float) -> None:
        """A call has succeeded; `in_flight` with it. It tells how a silent server is."""
        if self._measured or self._known or now < self._held_until:
            return
        if self._grown_at is None:
            self._grown_at = now
        if self.is_used(in_flight) and now - self._grown_at >= 1.0:
            self._grown_at = now
            self._set(self._exact + 1, Reason.NO_METRICS)

    def is_overloaded(self, now: float) -> None:
        """A call got a 429 or a 503, or no answer in its time."""
        if now < self._held_until:
            return
        self._held_until = now + HOLD_S
        self._grown_at = now + HOLD_S
        self._set(self._exact * OVERLOAD_CUT, Reason.OVERLOAD)

    def is_used(self, in_flight: int) -> bool:
        """Whether so many calls are nearly all it allows: more would be made if it were higher."""
        return in_flight >= USED * self.value

    def is_shared(self, others: Sequence[float]) -> None:
        """Other workers use so much of the server at once, each, and this one uses its own."""
        wanted = levelled(self._exact, others)
        same = abs(wanted - self._exact) < 1
        self._set(wanted, self._reason if same else Reason.SHARED)

    # ---------------------------------------------------------------------- steps

    def _steer(self, load: Load, in_flight: int, step_s: float, now: float) -> None:
        rate = EVEN_S / math.sqrt(self._exact) - STEER_S * (load.queue - QUEUE_AIM)
        reason = Reason.FULL if load.waiting else Reason.GROWING
        if rate > 0 and (not self.is_used(in_flight) or in_flight > self.value):
            self._reason = reason
            return
        calm = self._queued_at is None or now - self._queued_at >= CALM_S
        if calm and not load.waiting:
            self._set(self._exact + max(1.0, GROWTH * self._exact) * step_s, reason)
        else:
            self._set(self._exact * math.exp(rate * step_s), reason)

    def _set(self, wanted: float, reason: Reason) -> None:
        if wanted <= self._floor and wanted < self._exact:
            reason = Reason.FLOOR
        elif wanted >= self._cap:
            reason = Reason.CAP
        self._exact = min(max(wanted, float(self._floor)), float(self._cap))
        self._reason = reason
