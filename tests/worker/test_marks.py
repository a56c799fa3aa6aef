"""What is paused and cancelled, as a worker takes it."""

from shared.enums import JobType
from shared.redis_streams import JobEntry
from tests.builders import claimed, job
from worker.job import Job
from worker.marks import Marks, Paused, read_paused, tenant_field, type_field


def _job(job_id: str, appended_ms: int) -> Job:
    made = job(claimed(entry_id=f"{appended_ms}-0"))
    made.job_id = job_id
    return made


def test_fields_are_read_as_they_are_written() -> None:
    """A tenant may be called like a field; what a newer version writes there is left alone."""
    names = [type_field("text_tag"), tenant_field("type:x"), "user:7", "junk"]
    assert read_paused(names) == Paused(frozenset({"text_tag"}), frozenset({"type:x"}))


def test_nothing_is_known_at_first() -> None:
    """A worker that has just started may not take what is paused."""
    marks = Marks()
    assert not marks.known
    marks.heed([], [])
    assert marks.known


def test_what_was_appended_before_is_cancelled_and_nothing_after() -> None:
    """A job that is enqueued again under its old id, or replayed, is wanted again."""
    marks = Marks()
    marks.heed([], [("j1", 2_000.0)])
    assert marks.cancels(_job("j1", 1_999))
    assert marks.cancels(_job("j1", 2_000))
    assert not marks.cancels(_job("j1", 2_001))
    assert not marks.cancels(_job("j2", 1_000))
    assert not marks.cancels(job(claimed(entry_id="1-0")))


def test_marks_are_added_and_pauses_are_replaced() -> None:
    """Only new cancellations are read each time, and everything that is paused."""
    marks = Marks()
    marks.heed([type_field("text_tag")], [("j1", 2_000.0)])
    marks.heed([], [("j2", 3_000.0)])
    assert marks.paused == Paused()
    assert marks.cancels(_job("j1", 1))
    marks.forget(2_500)
    assert not marks.cancels(_job("j1", 1))
    assert marks.cancels(_job("j2", 1))


def test_those_that_are_cancelled_are_cut_off() -> None:
    """And no others."""
    marks = Marks()
    marks.heed([], [("j1", 2_000.0)])
    cut: list[str] = []
    jobs = [_job("j1", 1), _job("j2", 1)]
    for each in jobs:
        each.interrupt = lambda each=each: cut.append(str(each.job_id))
    marks.interrupt(jobs)
    assert cut == ["j1"]


def _of(tenant: str | None, job_type: str = "text_tag") -> Job:
    made = job(claimed(JobType(job_type)))
    made.facts = JobEntry("j", {}, tenant=tenant)
    return made


def test_those_that_are_paused_begin_no_try() -> None:
    """Until they are resumed; a job that could not be read is nobody's."""
    marks = Marks()
    jobs = [_of("a"), _of("b"), _of(None), _of("b", "document"), job()]
    marks.heed([tenant_field("a"), type_field("document"), tenant_field("text_tag")], [])
    marks.stop(jobs)
    assert [each.paused for each in jobs] == [True, False, False, True, False]
    marks.heed([tenant_field("")], [])
    marks.stop(jobs)
    assert [each.paused for each in jobs] == [False, False, True, False, False]
