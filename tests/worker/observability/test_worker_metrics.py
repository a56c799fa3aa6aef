"""What a worker is doing, read from its parts."""

from dataclasses import dataclass, field

from shared.enums import JobType
from tests.builders import claimed, job
from worker.backlog import Backlog
from worker.clock import Clock
from worker.errors import Service
from worker.gates import Gates
from worker.job import Job, Stage
from worker.marks import Marks
from worker.observability.metrics import Metrics
from worker.observability.worker_metrics import Sight
from worker.parking import Parking
from worker.slots import Slots


@dataclass
class Parts:
    """A worker that holds still, and what its metrics say."""

    jobs: list[Job] = field(default_factory=list[Job])
    slots: Slots = field(default_factory=lambda: Slots(4, held_max=10))
    backlog: Backlog = field(default_factory=lambda: Backlog(2, 1_000))
    gates: Gates = field(default_factory=lambda: Gates(Parking(), Clock()))
    marks: Marks = field(default_factory=Marks)
    leaving: list[str] = field(default_factory=list[str])
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        sight = Sight(
            jobs=lambda: self.jobs,
            slots=self.slots,
            backlog=self.backlog,
            gates=self.gates,
            marks=self.marks,
            draining=lambda: "draining" in self.leaving,
            halted=lambda: "halted" in self.leaving,
            loop_ages=lambda: {"claim": 0.25},
            events_dropped=lambda: 7,
        )
        self.metrics.watch_worker(sight, "1.2.3")

    def value(self, name: str, **labels: str) -> float | None:
        """What a sample says; None where there is none."""
        return self.metrics.registry.get_sample_value(f"llm_worker_{name}", labels)

    @property
    def blocked(self) -> set[str]:
        """Why nothing is claimed."""
        reasons = ("no_room", "undelivered", "unmarked", "draining")
        return {why for why in reasons if self.value("claiming_blocked", why=why)}


def test_jobs_by_type_and_stage() -> None:
    """As they are at that moment."""
    parts = Parts()
    parts.jobs += [job(claimed(), stage=Stage.INFER) for _ in range(2)]
    parts.jobs.append(job(claimed(JobType.IMAGE_TAG), stage=Stage.PARKED))
    assert parts.value("jobs_held", job_type="text_tag", stage="infer") == 2
    assert parts.value("jobs_held", job_type="image_tag", stage="parked") == 1
    parts.jobs.clear()
    assert parts.value("jobs_held", job_type="text_tag", stage="infer") is None


def test_why_nothing_is_claimed() -> None:
    """Each reason comes and goes by itself; a reason that does not hold is there as 0."""
    parts = Parts()
    assert parts.blocked == {"unmarked"}
    parts.marks.known = True
    assert parts.blocked == set()
    assert parts.value("claiming_blocked", why="draining") == 0
    for _ in range(4):
        parts.slots.hold()
    parts.backlog.add(999)
    parts.backlog.add(1)
    parts.leaving.append("draining")
    assert parts.blocked == {"no_room", "undelivered", "draining"}
    held = [parts.value(name) for name in ("slots_used", "slots", "jobs_held_max")]
    assert held == [4, 4, 10]
    waits = [parts.value(name) for name in ("undelivered_outcomes", "undelivered_bytes")]
    assert waits == [2, 1_000]


def test_a_service_that_is_away() -> None:
    """Its gate is closed."""
    parts = Parts()
    assert parts.value("service_away", service="core") == 0
    parts.gates[Service.CORE].trip(object(), "refused", None)
    assert parts.value("service_away", service="core") == 1
    assert parts.value("service_away", service="model") == 0


def test_the_rest() -> None:
    """Loops, events, version, and whether it is on its way out, and why."""
    parts = Parts()
    assert parts.value("loop_age_seconds", loop="claim") == 0.25
    assert parts.value("events_dropped_total") == 7
    assert b'llm_worker_build_info{python="3.' in parts.metrics.exposition()
    assert b'version="1.2.3"} 1.0' in parts.metrics.exposition()
    assert (parts.value("draining"), parts.value("halted")) == (0, 0)
    parts.leaving += ["draining", "halted"]
    assert (parts.value("draining"), parts.value("halted")) == (1, 1)
