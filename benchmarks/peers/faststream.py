"""FastStream on Redis Streams: a consumer group; entries are acknowledged and never removed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvloop
from faststream import AckPolicy, FastStream
from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from benchmarks.peers.task import AT_ONCE, REDIS_URL, Job, Put

_STREAM = "faststream"
_jobs: list[Job] = []


@asynccontextmanager
async def producer() -> AsyncGenerator[Put]:
    """The group first: it makes it at "$" and would never see what was put there before."""
    redis = Redis.from_url(REDIS_URL)
    with suppress(ResponseError):  # it is there
        await redis.xgroup_create(_STREAM, "g", "0", mkstream=True)
    await redis.aclose()
    async with RedisBroker(REDIS_URL, logger=None) as broker:
        yield lambda number, text: broker.publish({"n": number, "text": text}, stream=_STREAM)


def work() -> None:
    """An application in this process."""
    # Without its dependency injection and its log lines, both of which cost.
    broker = RedisBroker(REDIS_URL, apply_types=False, logger=None)
    # As many records at a read as there are workers; one at a time otherwise. A failed entry
    # stays pending; claiming it after a minute would be another subscriber.
    entries = StreamSub(
        _STREAM, group="g", consumer="c", max_records=AT_ONCE, polling_interval=1_000
    )

    @broker.subscriber(stream=entries, max_workers=AT_ONCE, ack_policy=AckPolicy.NACK_ON_ERROR)
    async def run(message: dict[str, Any]) -> None:  # pyright: ignore[reportUnusedFunction] - the broker calls it
        _jobs[:] = _jobs or [Job()]
        await _jobs[0](message["n"], message["text"])

    uvloop.run(FastStream(broker, logger=None).run())
