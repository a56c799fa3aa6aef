"""The loop one would write by hand if nothing could ever go wrong. No peer: a yardstick.

As cheap as it can be around `chat.completions.create`: entries are read in batches and without
being pending to anybody (NOACK), and those that are done are deleted in the same round trip as
the next read. A crash loses every job under way.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import uvloop
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from benchmarks.peers.task import AT_ONCE, REDIS_URL, Job, Put

_STREAM = "ideal"


def _redis() -> Redis:
    address = urlsplit(REDIS_URL)
    return Redis(host=address.hostname or "", port=address.port or 6379)


@asynccontextmanager
async def producer() -> AsyncGenerator[Put]:
    """Appends entries with two fields."""
    redis = _redis()
    with suppress(ResponseError):  # it is there
        await redis.xgroup_create(_STREAM, "g", "0", mkstream=True)
    yield lambda number, text: redis.xadd(_STREAM, {"n": str(number), "text": text})
    await redis.aclose()


def work() -> None:
    """Read, do, delete."""
    uvloop.run(_loop())


async def _loop() -> None:
    redis, job = _redis(), Job()
    running = set[asyncio.Task[bytes]]()
    done = set[asyncio.Task[bytes]]()

    async def run(entry_id: bytes, fields: dict[bytes, bytes]) -> bytes:
        await job(int(fields[b"n"]), fields[b"text"].decode())
        return entry_id

    while True:
        room = AT_ONCE - len(running)
        async with redis.pipeline(transaction=False) as pipe:
            if done:
                pipe.xdel(_STREAM, *(task.result() for task in done))
            # It may only block while it has nothing to do.
            block = None if running else 1_000
            pipe.xreadgroup("g", "c", {_STREAM: ">"}, count=room, block=block, noack=True)
            found = (await pipe.execute())[-1]
        for entry_id, fields in found[0][1] if found else ():
            running.add(asyncio.create_task(run(entry_id, fields)))
        if running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
