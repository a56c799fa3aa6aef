"""The jobs of a game day, and what the feed believes of them."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from redis import exceptions

from drills.feed import TENANTS, Feed, make_job
from shared import PAYLOADS, Keys
from tests.process.bench import until


def test_jobs_of_several_types_and_both_tenants() -> None:
    """Now and then a bad one; whether a job can be done is what its payload says."""
    dice = random.Random(1)
    jobs = [make_job(number, dice) for number in range(1_000)]
    assert {job.entry.tenant for job in jobs} == set(TENANTS)
    assert len({job.job_type for job in jobs}) == 4
    bad = 0
    for job in jobs:
        try:
            PAYLOADS[job.job_type].model_validate(job.entry.payload)
        except ValidationError:
            assert job.wanted == {"job_failed": 1}
            bad += 1
        else:
            assert job.wanted["job_completed"] == 1
    assert 1 <= bad < 1_000 / 50  # fewer than the alert of dead letters lets pass


class Redis:
    """Answers as it is told to."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.calls = 0
        self._answer = answer

    async def execute_command(self, *_: Any, **__: Any) -> Any:
        """Count, and answer."""
        self.calls += 1
        return self._answer()


async def _fed(answer: Callable[[], Any]) -> Feed:
    """A feed that has enqueued something, and was cancelled."""
    redis = Redis(answer)
    feed = Feed(redis, Keys(), rate=100, seed=1)
    task = asyncio.create_task(feed.run())

    async def has_tried() -> bool:
        assert not task.done()
        return redis.calls > 0

    await until(has_tried, what="an XADD")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return feed


async def test_what_redis_confirms_is_enqueued() -> None:
    """And nothing else is in doubt."""
    feed = await _fed(lambda: b"1-0")
    assert feed.enqueued.jobs
    assert not feed.enqueued.unsure


@pytest.mark.parametrize("error", [exceptions.ConnectionError, exceptions.TimeoutError, OSError])
async def test_what_got_no_answer_is_in_doubt(error: type[Exception]) -> None:
    """It may have got in before the connection was lost."""

    def lose() -> None:
        raise error

    feed = await _fed(lose)
    assert feed.enqueued.unsure
    assert not feed.enqueued.jobs


async def test_what_a_full_redis_refuses_is_not_in_doubt() -> None:
    """An error of the server means that nothing was written."""

    def refuse() -> None:
        raise exceptions.OutOfMemoryError

    feed = await _fed(refuse)
    assert feed.enqueued.refused
    assert not feed.enqueued.jobs
    assert not feed.enqueued.unsure
