"""Whether a service may be asked just now.

An outage is no job's fault: the first job that meets one closes the service's gate, and the others
wait behind it without a slot and without spending an attempt. One at a time tries again; when it
gets through, everybody does.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from worker.clock import Clock
from worker.errors import Service
from worker.parking import Parking
from worker.reminding import Reminder
from worker.retry import backoff_s

log = structlog.get_logger(__name__)

PROBE_EVERY_MAX_S = 4.0
"""A probe of a dead server costs nothing; every second after its return costs a second of it."""

TimeLeft = Callable[[], float | None]


class Expired(Exception):
    """The job's deadline came before the service did; `str()` is why the gate is closed."""


class Gate:
    """The gate before one service. `who` in each call is the job, told apart by identity."""

    def __init__(self, service: Service, parking: Parking, clock: Clock) -> None:
        self._service = service
        self._parking = parking
        self._clock = clock
        self._reminder = Reminder(clock.elapsed)
        self._why = ""
        self._failures = 0  # in a row; none means open
        self._probe: object | None = None
        self._probe_at = self._asked_until = 0.0
        self._places: set[asyncio.Future[None]] = set()

    @property
    def service(self) -> Service:
        """What it is the gate of."""
        return self._service

    @property
    def is_open(self) -> bool:
        """Whether the service may be asked by anybody."""
        return not self._failures

    @property
    def why(self) -> str:
        """Why it is closed."""
        return self._why

    @property
    def away_s(self) -> float:
        """How long it has been closed, in seconds."""
        return self._reminder.lasts_s

    @property
    def wants_probe(self) -> bool:
        """Closed, due to be tried, and nobody here to do it: a job may be claimed for it."""
        due = self._clock.elapsed() >= self._probe_at
        return bool(self._failures) and due and self._probe is None and not self._places

    def try_enter(self, who: object) -> bool:
        """Whether this job may ask the service now; while the gate is closed, as its probe."""
        if not self._failures or self._probe is who:
            return True
        if self._probe is None and self._clock.elapsed() >= self._probe_at:
            self._probe = who
            return True
        return False

    async def wait(self, time_left: TimeLeft) -> None:
        """Return when `try_enter` is worth another try.

        Raises:
            HandBack: the job is to be handed back instead.
            Expired: the job's deadline comes first.
        """
        left_s = time_left()
        if left_s is not None and left_s <= 0:
            raise Expired(self._why)
        due_in_s = max(0.0, self._probe_at - self._clock.elapsed())
        due = None if self._probe is not None else due_in_s
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._places.add(place)
        try:
            timeout_s = min((s for s in (due, left_s) if s is not None), default=None)
            await self._parking.park(timeout_s, place)
        finally:
            self._places.discard(place)

    def passed(self, who: object) -> None:
        """The service answered; if it was its probe that it answered, everybody may ask."""
        if self._probe is not who or not self._failures:
            return
        log.info("service_back", service=str(self._service), failures=self._failures)
        self._failures, self._probe, self._why = 0, None, ""
        self._reminder.over()
        self._wake()

    def trip(self, who: object, why: str, after_s: float | None) -> None:
        """The service is away; of a crowd that finds out together only the first counts."""
        if self._failures and self._probe is not who:
            return
        self._failures += 1
        self._probe, self._why = None, why
        self.remind()
        backoff = min(backoff_s(self._failures, self._clock.jitter()), PROBE_EVERY_MAX_S)
        now = self._clock.elapsed()
        self._asked_until = now + (after_s or 0.0)
        self._probe_at = max(now + backoff, self._asked_until)
        self._wake()

    def remind(self) -> None:
        """Say it where that has not been done for a minute: a try may take longer than that."""
        if self._failures and (away_s := self._reminder.due_s()) is not None:
            log.warning("service_away", service=str(self._service), away_s=away_s, why=self._why)

    def hurry(self) -> None:
        """The service may be back: it is tried now, or when it has asked to be tried again."""
        if self._failures:
            self._probe_at = min(self._probe_at, max(self._clock.elapsed(), self._asked_until))
            self._wake()

    def leave(self, who: object) -> None:
        """A job ends without having asked; if it was the probe, somebody else may be."""
        if self._probe is who:
            self._probe = None
            self._wake()

    def _wake(self) -> None:
        for place in self._places:
            if not place.done():
                place.set_result(None)


class Gates:
    """The gates of all services."""

    def __init__(self, parking: Parking, clock: Clock) -> None:
        self._gates = {service: Gate(service, parking, clock) for service in Service}

    def __getitem__(self, service: Service) -> Gate:
        return self._gates[service]

    def away(self) -> dict[str, str]:
        """The services that are not asked now, and why."""
        return {str(name): gate.why for name, gate in self._gates.items() if not gate.is_open}

    def away_s(self) -> dict[str, float]:
        """For how many seconds the same have not been asked."""
        return {str(name): gate.away_s for name, gate in self._gates.items() if not gate.is_open}

    def remind(self) -> None:
        """Say again what is closed, about each minute."""
        for gate in self._gates.values():
            gate.remind()

    def closed(self, needs: Iterable[Service]) -> list[Gate]:
        """Those of the needed services that may not be asked now."""
        return [self._gates[need] for need in needs if not self._gates[need].is_open]

    def try_enter(self, needs: Iterable[Service], who: object) -> Gate | None:
        """The first gate that keeps this job out; None when it may ask all it needs.

        A job kept out by one gate is no other gate's probe: that one would wait for both.
        """
        for need in needs:
            if not self._gates[need].try_enter(who):
                self.leave(who)
                return self._gates[need]
        return None

    def passed(self, needs: Iterable[Service], who: object) -> None:
        """All these services answered this job."""
        for need in needs:
            self._gates[need].passed(who)

    def leave(self, who: object) -> None:
        """A job is done with asking, whatever it had entered."""
        for gate in self._gates.values():
            gate.leave(who)
