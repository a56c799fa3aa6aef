"""docket: Redis Streams, a claim of each job in a script, leases that are renewed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import uvloop
from docket import Docket, ExponentialRetry, Worker

from benchmarks.peers.task import AT_ONCE, REDIS_URL, Job, Put

_jobs: list[Job] = []


async def job(
    number: int,
    text: str,
    _retry: ExponentialRetry = ExponentialRetry(  # noqa: B008 - this is how it declares them
        attempts=20, minimum_delay=timedelta(seconds=1), maximum_delay=timedelta(seconds=8)
    ),
) -> None:
    """The job, as it is registered."""
    _jobs[:] = _jobs or [Job()]
    await _jobs[0](number, text)


def _docket() -> Docket:
    # No results and no history: nobody asks. Each running job holds a connection, and beyond the
    # 100 that redis-py allows by itself the others would wait for it.
    url = f"{REDIS_URL}?max_connections={AT_ONCE + 100}"
    return Docket(url=url, execution_ttl=timedelta(0))


@asynccontextmanager
async def producer() -> AsyncGenerator[Put]:
    """cloudpickle, its only serializer."""
    async with _docket() as docket:
        docket.register(job)
        # Each `add` makes a key: one for all of them would be one job.
        yield lambda number, text: docket.add(job)(number, text)  # noqa: PLW0108 - see above


def work() -> None:
    """A worker in this process."""
    uvloop.run(_work())


async def _work() -> None:
    async with _docket() as docket:
        docket.register(job)
        async with Worker(
            docket,
            concurrency=AT_ONCE,
            minimum_check_interval=timedelta(milliseconds=10),  # instead of 250: its latency
            redelivery_timeout=timedelta(seconds=20),  # as long as our lease
            reconnection_delay=timedelta(seconds=1),  # instead of 5
            schedule_automatic_tasks=False,
        ) as worker:
            await worker.run_forever()
