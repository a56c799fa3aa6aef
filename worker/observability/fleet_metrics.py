"""What Redis knows of the whole fleet, asked when somebody looks at the metrics.

A worker's own memory would be too little: what waits is in nobody's, and the last look of a job may
be long ago. Asked at most every few seconds however many look, and never waited for longer than a
moment: while Redis is away the other metrics are what one wants to see.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.observability.catalogue import fleet as named
from worker.observability.catalogue.metric import Metric
from worker.observability.tally import gauge
from worker.queue.redis_clients import OUTAGE, describe

log = structlog.get_logger(__name__)

KEPT_S = 3.0
"""So long a look is good, also one that has failed."""
LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class StreamTotals:
    """One job type's stream; ages are seconds in the stream, 0 where there is none."""

    job_type: str
    waiting: int
    oldest_waiting_s: float
    in_flight: int
    oldest_in_flight_s: float
    outbox: int
    paused: bool


@dataclass(frozen=True, slots=True)
class FleetTotals:
    """The fleet at one moment."""

    streams: Sequence[StreamTotals]
    dead_letters: int
    paused_tenants: int
    takes_writes: bool = True
    """Whether Redis would; one that is full answers and does not."""


Look = Callable[[], Awaitable[FleetTotals]]


class FleetMetrics(Collector):
    """The fleet's gauges, as of the last `refresh`.

    Args:
        look: asks Redis; may raise anything, and take for ever.
        elapsed: monotonic seconds.
    """

    def __init__(self, look: Look, elapsed: Callable[[], float]) -> None:
        self._look = look
        self._elapsed = elapsed
        self._looking = asyncio.Lock()
        self._looked_at: float | None = None
        self._found: FleetTotals | None = None
        self._is_refused = False

    async def refresh(self) -> None:
        """Look again, unless somebody has a moment ago; who comes meanwhile waits for that look."""
        async with self._looking:
            if self._looked_at is not None and self._elapsed() - self._looked_at < KEPT_S:
                return
            self._found = await self._within_bounds()
            self._looked_at = self._elapsed()

    async def _within_bounds(self) -> FleetTotals | None:
        try:
            async with asyncio.timeout(LOOK_S):
                found = await self._look()
        except OUTAGE:
            return None  # the claim loop speaks of it
        except Exception as error:  # whatever it is, the other metrics are served
            if not self._is_refused:
                self._is_refused = True
                fix = "docs/redis.md has the rights for it"
                log.warning("fleet_not_measured", error=describe(error), fix=fix)
            return None
        self._is_refused = False
        return found

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All of them, for `CollectorRegistry`."""
        found = self._found
        if not self._is_refused:  # a Redis that will not be measured is not away
            yield gauge(named.REDIS_UP, {(): found is not None and found.takes_writes})
        streams = () if found is None else found.streams

        def of_streams(metric: Metric, value: Callable[[StreamTotals], float]) -> GaugeMetricFamily:
            return gauge(metric, {(stream.job_type,): value(stream) for stream in streams})

        yield of_streams(named.WAITING, lambda stream: stream.waiting)
        yield of_streams(named.OLDEST_WAITING, lambda stream: stream.oldest_waiting_s)
        yield of_streams(named.IN_FLIGHT, lambda stream: stream.in_flight)
        yield of_streams(named.OLDEST_IN_FLIGHT, lambda stream: stream.oldest_in_flight_s)
        yield of_streams(named.OUTBOX, lambda stream: stream.outbox)
        yield of_streams(named.PAUSED, lambda stream: stream.paused)
        yield gauge(named.DEAD_LETTERS, {} if found is None else {(): found.dead_letters})
        yield gauge(named.PAUSED_TENANTS, {} if found is None else {(): found.paused_tenants})
