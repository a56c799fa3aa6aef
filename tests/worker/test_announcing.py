"""Core hears `processing` of the jobs that last, once, and of no other."""

import asyncio
from contextvars import ContextVar

import pytest

from tests.builders import FakeCore, claimed, job, job_fields, until
from worker.announcing import Announcing
from worker.errors import Retryable
from worker.job import Job

WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")
LONG_S = 3_600.0
SHORT_S = 0.001


def named(job_id: str) -> Job:
    """A job of this name, read."""
    made = job(claimed(fields=job_fields(job_id=job_id)))
    made.job_id = job_id
    return made


async def test_at_once() -> None:
    """With no delay each job is told, the first time that it is tried."""
    core, one = FakeCore(), named("j1")
    announcing = Announcing(core.mark_processing, 0)
    announcing.expect(one)
    announcing.expect(one)
    assert one.processing is not None
    await one.processing
    announcing.expect(one)
    assert [str(call) for call in core.calls] == ["processing j1"]


async def test_in_the_order_of_coming() -> None:
    """Jobs that last are told, all by one timer after the other, though it is tried again."""
    core, jobs = FakeCore(), [named("j1"), named("j2"), named("j3")]
    announcing = Announcing(core.mark_processing, SHORT_S)
    for each in jobs:
        announcing.expect(each)
    announcing.expect(jobs[0])
    assert [each.processing for each in jobs] == [None] * 3
    await until(lambda: len(core.calls) == 3)
    assert [str(call) for call in core.calls] == ["processing j1", "processing j2", "processing j3"]


async def test_one_that_is_over() -> None:
    """A job that is answered sooner is not told; who came after it is, and one that comes later."""
    core, quick, slow, late = FakeCore(), named("quick"), named("slow"), named("late")
    announcing = Announcing(core.mark_processing, SHORT_S)
    announcing.expect(quick)
    announcing.expect(slow)
    announcing.forget(quick)
    await until(lambda: slow.processing is not None)
    announcing.expect(late)
    await until(lambda: len(core.calls) == 2)
    assert [str(call) for call in core.calls] == ["processing slow", "processing late"]
    assert quick.processing is None


async def test_nothing_waits() -> None:
    """While the time has not come there is no task, whatever becomes of the job."""
    core, one, without_id = FakeCore(), named("j1"), job(claimed())
    announcing = Announcing(core.mark_processing, LONG_S)
    before = len(asyncio.all_tasks())
    announcing.expect(one)
    announcing.expect(without_id)
    assert len(asyncio.all_tasks()) == before
    announcing.forget(one)
    announcing.forget(without_id)
    assert (core.calls, one.processing) == ([], None)


@pytest.mark.parametrize("after_s", [0, SHORT_S])
async def test_in_the_jobs_own_context(after_s: float) -> None:
    """The request belongs to the trace of its job, not to that of whoever set the timer."""
    found: dict[str, str] = {}

    async def tell(job_id: str) -> None:
        found[job_id] = WHOSE.get()

    announcing = Announcing(tell, after_s)
    for name in ("j1", "j2"):
        WHOSE.set(name)
        announcing.expect(named(name))
    WHOSE.set("somebody else's")
    await until(lambda: len(found) == 2)
    assert found == {"j1": "j1", "j2": "j2"}


async def test_core_has_trouble() -> None:
    """That Core cannot be told is no trouble of the job's."""

    async def tell(job_id: str) -> None:
        raise Retryable(f"no luck with {job_id}")

    one = named("j1")
    Announcing(tell, 0).expect(one)
    assert one.processing is not None
    await one.processing
