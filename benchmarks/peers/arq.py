"""arq: a sorted set that is polled.

Runs in a virtual environment of its own: arq 0.28 wants redis below 6.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvloop
from arq import Retry as TryAgain
from arq import create_pool, func
from arq.connections import RedisSettings
from arq.worker import Worker
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004 - the client's own

from benchmarks.peers.task import AT_ONCE, REDIS_URL, Job, Put

_REDIS = RedisSettings.from_dsn(REDIS_URL) if REDIS_URL else RedisSettings()
# Any outage of Redis ends its worker, unless the client under it tries again for that long.
_REDIS.retry_on_error = [ConnectionError, TimeoutError]
_REDIS.retry = Retry(ConstantBackoff(0.5), 200, (OSError, ConnectionError, TimeoutError))
_TRIES = 20


@asynccontextmanager
async def producer() -> AsyncGenerator[Put]:
    """Pickle, its default, is the cheapest serializer for a number and a text."""
    redis = await create_pool(_REDIS)
    yield lambda number, text: redis.enqueue_job("job", number, text, _job_id=f"job-{number}")
    await redis.aclose()


def work() -> None:
    """A worker in this process."""
    logging.disable(logging.INFO)  # two lines for each job otherwise
    uvloop.run(_work())


async def _work() -> None:
    job = Job()

    async def run(ctx: dict[str, int], number: int, text: str) -> None:
        try:
            await job(number, text)
        except Exception as error:
            raise TryAgain(defer=min(2 ** ctx["job_try"], 8)) from error

    worker = Worker(
        [func(run, name="job", keep_result=0, max_tries=_TRIES)],  # no results: nobody asks
        redis_settings=_REDIS,
        max_jobs=AT_ONCE,
        job_timeout=3_600,
        poll_delay=0.01,  # instead of 0.5 s, which would be its latency and starve it when full
        queue_read_limit=1_000,  # ids at a poll; the default of 5 a slot polls more often
        handle_signals=False,
    )
    await worker.async_run()
    await asyncio.Event().wait()
