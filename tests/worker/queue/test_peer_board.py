"""What workers tell each other of the servers they share."""

import asyncio
from typing import Any

import pytest
from redis.exceptions import NoPermissionError

from shared.redis_streams import Keys
from tests.conftest import connected
from worker.embedded.redis_server import RedisServer
from worker.queue import peer_board as room
from worker.queue.peer_board import HOLDS_MS, RedisPeers
from worker.queue.redis_clients import RedisClients
from worker.queue.scripts import MEET

SERVER, OTHER = "http://gpu-1:8000/v1", "http://gpu-2:8000/v1"


async def test_workers_hear_what_the_others_use(any_clients: RedisClients, keys: Keys) -> None:
    """Each of the others, at the same server, what they have said last."""
    one, two, three = (RedisPeers(any_clients.commands, keys, name) for name in ("1", "2", "3"))
    assert await one.meet(SERVER, {"text": 12.5}) == []
    assert await two.meet(SERVER, {"text": 8.0, "vision": 2.0}) == [{"text": 12.5}]
    assert await three.meet(OTHER, {"text": 99.0}) == []
    assert await one.meet(SERVER, {"text": 13.0}) == [{"text": 8.0, "vision": 2.0}]
    heard = await three.meet(SERVER, {"text": 1.0})
    assert sorted(said["text"] for said in heard) == [8.0, 13.0]
    elsewhere = RedisPeers(any_clients.commands, Keys(f"{keys.prefix}x"), "4")
    assert await elsewhere.meet(SERVER, {"text": 1.0}) == []


async def test_who_uses_nothing_is_not_heard_of(any_clients: RedisClients, keys: Keys) -> None:
    """It still hears."""
    one, two = (RedisPeers(any_clients.commands, keys, name) for name in "12")
    await one.meet(SERVER, {"text": 5.0})
    await two.meet(SERVER, {"text": 5.0})
    assert await one.meet(SERVER, {}) == [{"text": 5.0}]
    assert await two.meet(SERVER, {"text": 5.0}) == []


async def test_who_is_silent_is_forgotten(any_clients: RedisClients, keys: Keys) -> None:
    """A dead worker's words end by themselves, and so does the key of a server nobody asks."""
    client = any_clients.commands
    one, two = (RedisPeers(client, keys, name) for name in "12")
    await one.meet(SERVER, {"text": 5.0})
    [key] = await client.execute_command("KEYS", keys.limits("*"))
    assert SERVER not in key.decode()
    assert 0 < int(await client.execute_command("PTTL", key)) <= HOLDS_MS
    [field] = await client.execute_command("HKEYS", key)
    long_ago = 1_700_000_000_000
    for at in (long_ago, 2 * long_ago):
        await client.execute_command("HSET", key, field, f'{at} {{"text": 5.0}}')
        assert await two.meet(SERVER, {"text": 1.0}) == []
        assert await client.execute_command("HKEYS", key) == [b"2"]


@pytest.mark.parametrize(
    "words",
    [
        *("", "{", "[" * 9_999, "[1]", "7", "{}", '{"text": "5"}', '{"text": true}'),
        *('{"text": NaN}', '{"text": 1e999}', '{"text": -5}', '{"text": 0.5}', '{"text": null}'),
    ],
)
async def test_what_cannot_be_read_is_not_heard(
    any_clients: RedisClients, keys: Keys, words: str
) -> None:
    """Whoever wrote it; the others are."""
    peers = [RedisPeers(any_clients.commands, keys, name) for name in "12"]
    await peers[0].meet(SERVER, {"text": 5.0})
    [key] = await any_clients.commands.execute_command("KEYS", keys.limits("*"))
    await MEET(any_clients.commands, [key.decode()], ["odd", words or " ", HOLDS_MS])
    await any_clients.commands.execute_command("HSET", key, "odder", words)
    assert await peers[1].meet(SERVER, {}) == [{"text": 5.0}]


class Broken:
    """A client that fails, or never answers."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Do so."""
        del args, options
        if self.error is None:
            await asyncio.Event().wait()
        else:
            raise self.error


@pytest.mark.parametrize("error", [NoPermissionError("no"), ConnectionError("gone"), None])
async def test_no_answer_is_nobody(
    keys: Keys, error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that refuses, is away, or hangs: the worker goes by what the server tells."""
    monkeypatch.setattr(room, "PATIENCE_S", 0.01)
    assert await RedisPeers(Broken(error), keys, "1").meet(SERVER, {"text": 5.0}) == ()


@pytest.mark.redis
async def test_heard_again_when_redis_is_back(own_server: RedisServer, keys: Keys) -> None:
    """The script is sent again to a server that has forgotten it."""
    async for clients in connected(own_server):
        one, two = (RedisPeers(clients.commands, keys, name) for name in "12")
        await one.meet(SERVER, {"text": 5.0})
        own_server.stop()
        assert await two.meet(SERVER, {"text": 5.0}) == ()
        own_server.start()
        await one.meet(SERVER, {"text": 6.0})
        assert await two.meet(SERVER, {"text": 5.0}) == [{"text": 6.0}]
