"""Waiting for jobs to end."""

import asyncio

import pytest

from shared.redis_streams import Keys
from worker.operations.awaiting import ends, newest_event
from worker.queue.redis_clients import RedisClients

pytestmark = pytest.mark.redis


async def _tell(clients: RedisClients, keys: Keys, event: str, job_id: str) -> None:
    words = ("XADD", keys.events, "*", "event", event, "job_id", job_id)
    await clients.commands.execute_command(*words)


async def test_those_that_end_after_one_has_looked(clients: RedisClients, keys: Keys) -> None:
    """What was told before is another job's of the same id; other events are not its end."""
    await _tell(clients, keys, "completed", "j1")
    after = await newest_event(clients.commands, keys)
    for event, job_id in (("dead", "x"), ("started", "j1"), ("dead", "j1"), ("completed", "j2")):
        await _tell(clients, keys, event, job_id)
    walk = ends(clients.reader, keys, {"j1", "j2"}, after=after, timeout_s=30)
    assert [(event["job_id"], event["event"]) async for event in walk] == [
        *(("j1", "dead"), ("j2", "completed")),
    ]


async def test_one_that_ends_later(clients: RedisClients, keys: Keys) -> None:
    """The wait is at the server."""
    after = await newest_event(clients.commands, keys)
    assert after == "0-0"

    async def wait() -> list[dict[str, str]]:
        walk = ends(clients.reader, keys, {"j1"}, after=after, timeout_s=30)
        return [event async for event in walk]

    waiting = asyncio.create_task(wait())
    await _tell(clients, keys, "completed", "j1")
    assert [event["job_id"] for event in await waiting] == ["j1"]


async def test_one_that_does_not_end_in_time(clients: RedisClients, keys: Keys) -> None:
    """Then there is no event, and no more waiting."""
    walk = ends(clients.reader, keys, {"j1"}, after="0-0", timeout_s=0.05)
    assert [event async for event in walk] == []
