"""What the worker is doing, read from its parts each time somebody looks."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.backlog import Backlog
from worker.errors import Service
from worker.gates import Gates
from worker.job import Job
from worker.marks import Marks
from worker.observability.catalogue import doing as named
from worker.observability.catalogue.metric import Metric
from worker.observability.tally import Labels, counter, gauge
from worker.slots import Slots


@dataclass(frozen=True, slots=True)
class Sight:
    """What is looked at; each function returns at once.

    Attributes:
        jobs: those in the worker's hands.
        draining: whether it is on its way out.
        halted: whether that is because it cannot go on.
        loop_ages: seconds since each loop that must move has moved.
        events_dropped: lifecycle events that could not be told.
    """

    jobs: Callable[[], Iterable[Job]]
    slots: Slots
    backlog: Backlog
    gates: Gates
    marks: Marks
    draining: Callable[[], bool]
    halted: Callable[[], bool]
    loop_ages: Callable[[], Mapping[str, float]]
    events_dropped: Callable[[], int]


class WorkerMetrics(Collector):
    """The worker's own gauges."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """All of them, for `CollectorRegistry`."""
        of = self._sight
        yield gauge(named.HELD, _held(of.jobs()))
        yield _one(named.HELD_MAX, of.slots.held_max)
        yield _one(named.SLOTS_USED, of.slots.used)
        yield _one(named.SLOTS, of.slots.capacity)
        yield gauge(named.BLOCKED, self._blocked())
        yield gauge(
            named.AWAY, {(str(name),): float(not of.gates[name].is_open) for name in Service}
        )
        yield _one(named.UNDELIVERED, of.backlog.outcomes)
        yield _one(named.UNDELIVERED_BYTES, of.backlog.bytes)
        yield _one(named.DRAINING, of.draining())
        yield _one(named.HALTED, of.halted())
        yield gauge(named.LOOP_AGE, {(name,): age for name, age in of.loop_ages().items()})
        yield counter(named.EVENTS_DROPPED, {(): of.events_dropped()})

    def _blocked(self) -> dict[Labels, float]:
        of = self._sight
        return {
            ("no_room",): not of.slots.room,
            ("undelivered",): of.backlog.is_full,
            ("unmarked",): not of.marks.known,
            ("draining",): of.draining(),
        }


def _held(jobs: Iterable[Job]) -> dict[Labels, float]:
    return dict(Counter((job.entry.job_type, str(job.stage)) for job in jobs))


def _one(metric: Metric, value: float) -> GaugeMetricFamily:
    return gauge(metric, {(): value})
