"""streaq: Redis Streams, scripts on the server, coredis."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from streaq import StreaqRetry, Worker

from benchmarks.peers.task import AT_ONCE, REDIS_URL, Job, Put

_worker = Worker(
    REDIS_URL or "redis://127.0.0.1",
    concurrency=AT_ONCE,
    prefetch=AT_ONCE,  # the next job is here when one ends
    anyio_kwargs={"use_uvloop": True},
)
_jobs: list[Job] = []


# No results: nobody asks. Silent: two log lines for each job otherwise.
@_worker.task(name="job", ttl=0, silent=True, max_tries=20, timeout=timedelta(hours=1))
async def _run(number: int, text: str) -> None:
    _jobs[:] = _jobs or [Job()]
    try:
        await _jobs[0](number, text)
    except Exception as error:
        raise StreaqRetry(delay=timedelta(seconds=4)) from error


@asynccontextmanager
async def producer() -> AsyncGenerator[Put]:
    """Pickle, its default, is the cheapest serializer for a number and a text."""
    async with _worker:
        yield _run.enqueue


def work() -> None:
    """A worker in this process."""
    logging.disable(logging.INFO)
    _worker.run_sync()
