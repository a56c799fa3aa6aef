"""taskiq with taskiq-redis: Redis Streams, acknowledged after the job and never removed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvloop
from taskiq import SimpleRetryMiddleware
from taskiq.acks import AcknowledgeType
from taskiq.api import run_receiver_task
from taskiq.serializers import ORJSONSerializer
from taskiq_redis import RedisStreamBroker

from benchmarks.peers.task import AT_ONCE, REDIS_URL, Job, Put

_broker = (
    # "0": at "$", its default, the group would never see what was put there before it.
    RedisStreamBroker(REDIS_URL or "redis://127.0.0.1", consumer_id="0")
    .with_serializer(ORJSONSerializer())
    # At once, without a pause: delays need a scheduler, which is a process of its own.
    .with_middlewares(SimpleRetryMiddleware(default_retry_count=20))
)
_jobs: list[Job] = []


@_broker.task(task_name="job", retry_on_error=True)
async def _run(number: int, text: str) -> None:
    _jobs[:] = _jobs or [Job()]
    await _jobs[0](number, text)


@asynccontextmanager
async def producer() -> AsyncGenerator[Put]:
    """With orjson, the fastest of its serializers."""
    await _broker.startup()
    yield _run.kiq
    await _broker.shutdown()


def work() -> None:
    """A receiver in this process, without the command line's parent process."""
    uvloop.run(
        run_receiver_task(
            _broker,
            run_startup=True,
            sync_workers=1,
            validate_params=False,  # the job does it
            max_async_tasks=AT_ONCE,
            max_prefetch=AT_ONCE,  # the next job is here when one ends
            ack_time=AcknowledgeType.WHEN_EXECUTED,  # there are no results to save
        )
    )
