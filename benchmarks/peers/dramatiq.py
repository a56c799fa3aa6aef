"""dramatiq on Redis: lists and scripts; worker threads that wait for coroutines of one event loop.

A thread for each job at once is its own way of running asynchronous actors. One process: the
worker is started here, without the command line's parent process.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import dramatiq
import uvloop
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, Retries
from dramatiq.worker import Worker

from benchmarks.peers.task import AT_ONCE, REDIS_URL, Job, Put

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # for the loop its middleware makes
# Nothing of its default middleware but what the job needs: no time limits, no results, no metrics.
_broker = RedisBroker(
    url=REDIS_URL or "redis://127.0.0.1",
    middleware=[AsyncIO(), Retries(max_retries=20, min_backoff=1_000, max_backoff=8_000)],
)
dramatiq.set_broker(_broker)
_jobs: list[Job] = []


@dramatiq.actor(actor_name="job")
async def _run(number: int, text: str) -> None:
    _jobs[:] = _jobs or [Job()]
    await _jobs[0](number, text)


@asynccontextmanager
async def producer() -> AsyncGenerator[Put]:
    """Its producer blocks, and its JSON is the standard library's."""

    async def put(number: int, text: str) -> None:
        _run.send(number, text)

    yield put


def work() -> None:
    """A worker in this process."""
    Worker(_broker, worker_threads=AT_ONCE).start()
    threading.Event().wait()
