"""The clients outlast a restart, notice a frozen server, and obey when they are cancelled."""

import asyncio

import pytest
from redis import exceptions
from structlog.testing import capture_logs

from tests.builders import until
from worker.embedded.redis_server import RedisServer
from worker.errors import Halt
from worker.queue import redis_clients
from worker.queue.redis_clients import RedisClients, connect, describe, insist


@pytest.mark.redis
async def test_bytes_and_resp2(clients: RedisClients) -> None:
    """Both clients speak; a stream's entries come as ids with their fields, in bytes."""
    await clients.commands.execute_command("XADD", "s", "1-1", "name", "ü")
    rows = await clients.reader.execute_command("XRANGE", "s", "-", "+")
    assert rows == [(b"1-1", {b"name": "ü".encode()})]


@pytest.mark.redis
async def test_more_callers_than_connections(clients: RedisClients) -> None:
    """Commands wait for a connection and none is refused."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(clients.commands.execute_command("PING")) for _ in range(200)]
    assert all(task.result() for task in tasks)
    info = await clients.commands.execute_command("INFO", "clients")
    assert info["connected_clients"] <= 6


@pytest.mark.redis
@pytest.mark.parametrize("steps", range(8))
async def test_cancelled_means_cancelled(clients: RedisClients, steps: int) -> None:
    """Wherever a command is on its way, a cancellation ends it, and the next is answered right."""
    await clients.commands.execute_command("PING")
    task = asyncio.create_task(clients.commands.execute_command("BLPOP", "nothing", 60))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=3)
    assert task.cancelled()
    assert await clients.commands.execute_command("ECHO", "next") == b"next"


@pytest.mark.redis
async def test_insists_through_a_restart(own_server: RedisServer) -> None:
    """A call that Redis does not answer is repeated until it does; the log says so once."""
    clients = connect(own_server.url)
    await clients.commands.execute_command("SET", "a", "1")
    own_server.stop()
    with capture_logs() as logs:
        task = asyncio.create_task(
            insist(lambda: clients.commands.execute_command("GET", "a"), doing="read")
        )
        await until(lambda: bool(logs))
        assert not task.done()
        own_server.start()
        assert await task == b"1"
    assert [line["event"] for line in logs] == ["redis_unavailable", "redis_back"]
    assert logs[0]["doing"] == "read"
    await clients.close()


async def test_an_outage_that_lasts_is_said_each_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how long it is, and what was answered last."""
    monkeypatch.setattr(redis_clients, "_INSIST_FIRST_S", 0)
    monkeypatch.setattr(redis_clients, "_INSIST_MAX_S", 0)
    now = 0.0

    async def call() -> str:
        nonlocal now
        now += 15.0
        if now < 150.0:
            raise exceptions.OutOfMemoryError(f"full at {now:g}")
        return "done"

    with capture_logs() as logs:
        assert await insist(call, doing="record", elapsed=lambda: now) == "done"
    said = [(line["away_s"], line["error"]) for line in logs if "away_s" in line]
    assert said == [
        (0, "OutOfMemoryError: full at 15"),
        (60, "OutOfMemoryError: full at 75"),
        (120, "OutOfMemoryError: full at 135"),
    ]
    assert logs[-1]["event"] == "redis_back"


@pytest.mark.redis
async def test_a_frozen_server_is_noticed(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that holds its connections and says nothing is an outage, for both clients."""
    monkeypatch.setattr(redis_clients, "_COMMAND_TIMEOUT_S", 0.2)
    monkeypatch.setattr(redis_clients, "_READER_TIMEOUT_S", 0.2)
    clients = connect(own_server.url)
    for client in (clients.commands, clients.reader):
        await client.execute_command("PING")
        own_server.freeze()
        with pytest.raises(redis_clients.OUTAGE, match=r"no answer within 0\.2 s"):
            await client.execute_command("PING")
        own_server.thaw()
        call = client.execute_command
        echoed = await insist(lambda call=call: call("ECHO", "back"), doing="ask")
        assert echoed == b"back"
    await clients.close()


@pytest.mark.redis
async def test_wrong_password(own_server: RedisServer) -> None:
    """No waiting mends a wrong password, and the message does not hold it."""
    admin = connect(own_server.url)
    await admin.commands.execute_command("CONFIG", "SET", "requirepass", "right")
    clients = connect(own_server.url.replace("redis://", "redis://:wrong@"))
    with pytest.raises(Halt, match="refuses this worker") as caught:
        await insist(lambda: clients.commands.execute_command("PING"), doing="ask")
    assert "wrong" not in str(caught.value).replace("wrong number", "").replace("WRONGPASS", "")
    await clients.close()
    await admin.close()


@pytest.mark.redis
async def test_a_command_that_is_not_allowed(own_server: RedisServer) -> None:
    """Nor does it mend a missing permission."""
    admin = connect(own_server.url)
    words = ("ACL", "SETUSER", "guest", "on", "nopass", "~*", "+ping", "+client")
    await admin.commands.execute_command(*words)
    clients = connect(own_server.url.replace("redis://", "redis://guest:x@"))
    with pytest.raises(Halt, match="refuses this worker"):
        await insist(lambda: clients.commands.execute_command("XLEN", "a"), doing="ask")
    await clients.close()
    await admin.close()


@pytest.mark.redis
async def test_out_of_memory_is_waited_out(own_server: RedisServer) -> None:
    """A full server is an outage like others: it goes on when there is room again."""
    clients = connect(own_server.url)
    ask = clients.commands.execute_command
    await ask("CONFIG", "SET", "maxmemory", "1")
    with capture_logs() as logs:
        task = asyncio.create_task(insist(lambda: ask("XADD", "s", "1-1", "a", "b"), doing="add"))
        await until(lambda: bool(logs))
        await ask("CONFIG", "SET", "maxmemory", "0")
        assert await task == b"1-1"
    await clients.close()


@pytest.mark.parametrize(
    "error",
    [
        exceptions.AuthenticationError("no"),
        exceptions.NoPermissionError("no"),
        exceptions.ResponseError("unknown command 'XCLAIM'"),
    ],
)
async def test_halts(error: Exception) -> None:
    """What Redis will never do is not asked twice."""
    calls: list[None] = []

    async def call() -> None:
        calls.append(None)
        raise error

    with pytest.raises(Halt):
        await insist(call, doing="ask")
    assert len(calls) == 1


async def test_bugs_come_through() -> None:
    """An error that is not Redis's is not swallowed."""

    async def call() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await insist(call, doing="ask")


def test_described_in_one_line() -> None:
    """Type and first line, and not without end."""
    assert describe(ValueError("one\ntwo")) == "ValueError: one"
    assert describe(ValueError()) == "ValueError: "
    assert len(describe(ValueError("x" * 1_000))) == 300


def test_not_a_url() -> None:
    """An address that is none is told at once."""
    with pytest.raises(ValueError, match="redis://"):
        connect("localhost:6379")
