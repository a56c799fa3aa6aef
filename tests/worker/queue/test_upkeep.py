"""Dead consumers go, live ones and those that hold something stay."""

import asyncio
from typing import cast

import pytest

from shared.enums import JobType
from shared.redis_streams import GROUP, Keys
from tests.builders import Streams, until
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import CommandClient, RedisClients
from worker.queue.upkeep import Upkeep

pytestmark = pytest.mark.redis
KIND = JobType.TEXT_TAG


@pytest.fixture
def upkeep(clients: RedisClients, keys: Keys) -> Upkeep:
    """Of all streams."""
    return Upkeep(clients.commands, keys, list(JobType))


async def consumers(clients: RedisClients, keys: Keys) -> set[str]:
    """Who is known to the group of one stream."""
    rows = await clients.commands.execute_command("XINFO", "CONSUMERS", keys.stream(KIND), GROUP)
    return {cast("bytes", row[1]).decode() for row in cast("list[list[object]]", rows)}


async def idle(milliseconds: int) -> None:
    """Return when the server has seen so much time pass."""
    loop = asyncio.get_running_loop()
    over_at = loop.time() + milliseconds / 1_000
    await until(lambda: loop.time() > over_at)


async def test_only_who_is_gone(
    upkeep: Upkeep, clients: RedisClients, keys: Keys, queue: JobQueue, streams: Streams
) -> None:
    """Idle and with empty hands: removed. With an entry, or heard of lately: left alone."""
    for name in ("gone", "holds", "lives"):
        words = ("XGROUP", "CREATECONSUMER", keys.stream(KIND), GROUP, name)
        await clients.commands.execute_command(*words)
    await streams.add(KIND)
    [entry] = await JobQueue(clients, keys, [KIND], "holds").claim(1, block_ms=0)
    await idle(60)
    await JobQueue(clients, keys, [KIND], "lives").claim(1, block_ms=0)
    assert await upkeep.forget_dead_consumers(3_600_000) == 0
    assert await upkeep.forget_dead_consumers(50) >= 1
    left = await consumers(clients, keys)
    assert "gone" not in left
    assert "holds" in left
    assert set(await streams.pending(KIND)) == {entry.entry_id}
    await queue.release(entry)


async def test_after_everything_was_flushed(upkeep: Upkeep, clients: RedisClients) -> None:
    """Neither a stream that is gone nor a group that is gone is worth an error."""
    await clients.commands.execute_command("FLUSHALL")
    assert await upkeep.forget_dead_consumers(0) == 0
    await clients.commands.execute_command("XADD", "t:text_tag", "*", "job_id", "j1")
    assert await upkeep.forget_dead_consumers(0) == 0
    assert await upkeep.dead_letters() == 0


async def test_letters_are_counted(upkeep: Upkeep, clients: RedisClients, keys: Keys) -> None:
    """As many as there are."""
    for _ in range(3):
        await clients.commands.execute_command("XADD", keys.dead, "*", "dead_reason", "bug")
    assert await upkeep.dead_letters() == 3


class MapClient:
    """A server that speaks RESP3: maps instead of flat lists."""

    async def execute_command(self, *words: object) -> object:
        """One consumer, long idle, which a script removes."""
        if words[0] != "XINFO":
            return 1
        return [{b"name": b"gone", b"pending": 0, b"idle": 10**9}]

    async def aclose(self) -> None:
        """Nothing to close."""


async def test_maps_are_understood(keys: Keys) -> None:
    """Which of the two a client gives is not ours to say."""
    client = cast("CommandClient", MapClient())
    assert await Upkeep(client, keys, [KIND]).forget_dead_consumers(1_000) == 1
