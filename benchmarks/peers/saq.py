"""SAQ on Redis: lists that are popped blockingly, and a sweep for what dead workers left."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvloop
from redis.asyncio import Redis
from saq import Worker
from saq.queue.redis import RedisQueue

from benchmarks.peers.task import AT_ONCE, REDIS_URL, Job, Put

_OPTIONS: dict[str, Any] = {
    "ttl": -1,  # no results: nobody asks
    "timeout": 3_600,
    "retries": 20,
    "retry_delay": 1.0,
    "retry_backoff": 8.0,
}


def _queue() -> RedisQueue:
    # One operation on Redis for each job at once, instead of 20 in all.
    return RedisQueue(Redis.from_url(REDIS_URL), max_concurrent_ops=AT_ONCE)


@asynccontextmanager
async def producer() -> AsyncGenerator[Put]:
    """JSON, its default; that of the standard library."""
    queue = _queue()
    await queue.connect()
    yield lambda number, text: queue.enqueue("run", number=number, text=text, **_OPTIONS)
    await queue.disconnect()


def work() -> None:
    """A worker in this process."""
    uvloop.run(_work())


async def _work() -> None:
    job = Job()

    async def run(_: object, *, number: int, text: str) -> None:
        await job(number, text)

    await Worker(_queue(), [("run", run)], concurrency=AT_ONCE).start()
