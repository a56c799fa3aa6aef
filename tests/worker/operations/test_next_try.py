"""When a job is tried again is told for the moment it is asked, not for the one it was said."""

import pytest

from worker.operations.next_try import next_try
from worker.steering.roster import HeldJob, WorkerFacts

WORKER = WorkerFacts(at=100.0, gates={"model": "it hangs"})


def held(stage: str = "parked", *, due_at: float = 0.0, waits_for: str = "") -> HeldJob:
    """A job in a worker's hands."""
    return HeldJob(
        entry_id="1-0", job_type="text_tag", stage=stage, due_at=due_at, waits_for=waits_for
    )


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (held(due_at=112.0), "in 10 s"),
        (held(due_at=101.0), "now"),
        (held(due_at=60.0), "due for 42 s, waits for a slot"),
        (held(), "waits for a slot"),
        (held(waits_for="model"), "when the model is back: it hangs"),
        (held("deliver", waits_for="core"), "when Core is back"),
        (held("infer"), ""),
        (held("deliver"), ""),
    ],
)
def test_what_it_waits_for(job: HeldJob, said: str) -> None:
    """A time, a service, a slot; nothing, where it is under way."""
    assert next_try(job, WORKER, 102.0) == said


def test_its_worker_is_silent() -> None:
    """What it told last is not worth telling."""
    said = next_try(held(due_at=112.0), WORKER, 102.0, silent=True)
    assert said == "when another worker takes it over"
