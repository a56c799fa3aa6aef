"""Redis in trouble, on every server there is: an outage each time, and afterwards work goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest
from redis import exceptions

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams
from tests.one_by_one import record, renew, settle, tick
from tests.redis.conftest import program
from tests.redis.servers import Source, tell
from worker.embedded.redis_server import RedisServer
from worker.queue import redis_clients
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import OUTAGE, RedisClients, connect
from worker.queue.redis_connections import NotNow, understood
from worker.queue.write_probe import write_refusal

T = TypeVar("T")
KIND = JobType.TEXT_TAG
NOBODY = "1"
"""A port at which no server listens: a replica of it has lost its master."""


@pytest.fixture
async def clients(own_server: RedisServer) -> AsyncIterator[RedisClients]:
    """The worker's clients, at a server of the test's own."""
    made = connect(own_server.url)
    yield made
    await made.close()


async def through(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call for as long as there is an outage."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(*OUTAGE):
                return await call()
            await asyncio.sleep(0.02)


async def refused(call: Callable[[], Awaitable[object]]) -> Exception:
    """Repeat a call until it fails: how it did."""
    async with asyncio.timeout(30):
        while True:
            try:
                await call()
            except (exceptions.RedisError, OSError) as error:
                return error


async def waiting(server: RedisServer) -> int:
    """Return once a reader waits at the server: the id of its connection."""
    async with asyncio.timeout(10):
        while True:
            for line in (await tell(server, "CLIENT", "LIST")).decode().splitlines():
                client = dict(pair.partition("=")[::2] for pair in line.split())
                if client["cmd"] == "xreadgroup" and "b" in client["flags"]:
                    return int(client["id"])


async def works(queue: JobQueue, streams: Streams) -> None:
    """A job goes all the way, once what there is of an outage has passed."""
    entry_id = await through(streams.add)
    [entry] = await through(lambda: queue.claim(1, block_ms=1_000))
    assert entry.entry_id == entry_id
    assert await through(lambda: record(queue, entry, b"answer"))
    assert await through(lambda: settle(queue, entry)) == set()
    assert await streams.left_over() == {}


# ------------------------------------------------------------------------- out of memory


async def test_out_of_memory(queue: JobQueue, streams: Streams, clients: RedisClients) -> None:
    """New jobs and dead letters wait; what brings a job to its end, and keeps it, goes through."""
    for _ in range(4):
        await streams.add(KIND)
    settled, handed_back, dead, kept = await queue.claim(4, block_ms=0)
    await clients.commands.execute_command("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(OUTAGE):
        await streams.add(KIND)
    assert await renew(queue, settled, kept) == set()
    assert await record(queue, kept, b"answer")
    assert await tick(queue, kept, 1)
    kept_id = kept.entry_id.encode()
    assert await streams.outbox(KIND) == {kept_id: b"answer", kept_id + b":n": b"1"}
    with pytest.raises(OUTAGE):
        await queue.dead_letter(dead, {"dead_reason": "bug"}, keep=10)
    assert await settle(queue, settled) == set()
    await queue.release(handed_back)
    [again] = await queue.reclaim(8, idle_ms=3_600_000)
    assert again.entry_id == handed_back.entry_id
    assert await queue.claim(1, block_ms=0) == []
    await clients.commands.execute_command("CONFIG", "SET", "maxmemory", "0")
    assert await queue.dead_letter(dead, {"dead_reason": "bug"}, keep=10)
    assert await settle(queue, kept, again) == set()
    assert await streams.left_over() == {}


async def test_settling_tells_of_it_without_memory(
    clients: RedisClients, keys: Keys, streams: Streams
) -> None:
    """Settling with an event, by a script that the server has just forgotten, goes through too."""
    queue = JobQueue(clients, keys, [KIND], "me", events_kept=10)
    await queue.create_groups()
    await streams.add(KIND)
    [entry] = await queue.claim(1, block_ms=0)
    await clients.commands.execute_command("SCRIPT", "FLUSH")
    await clients.commands.execute_command("CONFIG", "SET", "maxmemory", "1")
    assert await settle(queue, entry, event={"job_id": "j1"}) == set()
    assert await streams.left_over() == {}


# ------------------------------------------------------------------------- other refusals


async def test_a_master_becomes_a_replica(
    own_server: RedisServer, queue: JobQueue, streams: Streams, clients: RedisClients
) -> None:
    """READONLY is an outage, and each connection that hears it is given up."""
    claim = asyncio.create_task(queue.claim(1, block_ms=60_000))
    await waiting(own_server)
    await tell(own_server, "REPLICAOF", "127.0.0.1", NOBODY)
    with contextlib.suppress(*OUTAGE):  # which the end of the wait may or may not be
        assert await claim == []
    for client, call in (
        (clients.commands, queue.create_groups),
        (clients.reader, lambda: queue.claim(1, block_ms=0)),
    ):
        before = await client.execute_command("CLIENT", "ID")
        assert isinstance(await refused(call), exceptions.ReadOnlyError)
        assert await client.execute_command("CLIENT", "ID") != before
    await tell(own_server, "REPLICAOF", "NO", "ONE")
    await works(queue, streams)


async def test_a_replica_without_its_master(
    own_server: RedisServer, queue: JobQueue, streams: Streams
) -> None:
    """MASTERDOWN is an outage."""
    await tell(own_server, "CONFIG", "SET", "replica-serve-stale-data", "no")
    await tell(own_server, "REPLICAOF", "127.0.0.1", NOBODY)
    with pytest.raises(exceptions.MasterDownError):
        await streams.length(KIND)
    with pytest.raises(OUTAGE):
        await queue.claim(1, block_ms=0)
    await tell(own_server, "REPLICAOF", "NO", "ONE")
    await works(queue, streams)


async def test_too_few_replicas(own_server: RedisServer, queue: JobQueue, streams: Streams) -> None:
    """NOREPLICAS, also out of a script, is an outage."""
    await streams.add(KIND)
    [entry] = await queue.claim(1, block_ms=0)
    await tell(own_server, "CONFIG", "SET", "min-replicas-to-write", "1")
    with pytest.raises(NotNow):
        await streams.add(KIND)
    with pytest.raises(NotNow):
        await settle(queue, entry)
    await tell(own_server, "CONFIG", "SET", "min-replicas-to-write", "0")
    assert await settle(queue, entry) == set()
    await works(queue, streams)


async def test_a_script_that_does_not_end(
    own_server: RedisServer, queue: JobQueue, streams: Streams
) -> None:
    """BUSY is an outage: somebody else's script holds the server up until it is killed."""
    await tell(own_server, "CONFIG", "SET", "lua-time-limit", "1")
    endless = asyncio.create_task(tell(own_server, "EVAL", "while true do end", 0))
    try:
        assert isinstance(await refused(lambda: queue.claim(1, block_ms=0)), NotNow)
    finally:
        await through(lambda: tell(own_server, "SCRIPT", "KILL"))
    with pytest.raises(exceptions.ResponseError):
        await endless
    await works(queue, streams)


async def test_loading(source: Source, keys: Keys) -> None:
    """LOADING, as after a restart with much data, is an outage."""
    slow = ("--rdbcompression", "no", "--key-load-delay", "50000")  # microseconds
    debug = () if source.version < (7,) else ("--enable-debug-command", "yes")
    with RedisServer(program(source), (*slow, *debug)) as server:
        clients = connect(server.url)
        streams, queue = Streams(clients.commands, keys), JobQueue(clients, keys, [KIND], "me")
        await queue.create_groups()
        for number in range(8):  # it looks at its clients every 2 MB
            await clients.commands.execute_command("SET", f"other:{number}", "x" * 3_000_000)
        reload = asyncio.create_task(tell(server, "DEBUG", "RELOAD"))
        error = await refused(lambda: queue.claim(1, block_ms=0))
        assert isinstance(error, exceptions.BusyLoadingError)
        await works(queue, streams)
        await reload
        await clients.close()


# ------------------------------------------------------------------------- connections and servers


async def test_the_reader_is_cut_off(
    own_server: RedisServer, queue: JobQueue, streams: Streams
) -> None:
    """CLIENT KILL during the wait is an outage, and the next read has a connection again."""
    claim = asyncio.create_task(queue.claim(1, block_ms=60_000))
    await tell(own_server, "CLIENT", "KILL", "ID", await waiting(own_server))
    with pytest.raises(OUTAGE):
        await claim
    await works(queue, streams)


async def test_every_connection_is_cut_off(
    own_server: RedisServer, queue: JobQueue, streams: Streams
) -> None:
    """Idle ones are found dead before they are used: nobody notices."""
    await streams.add(KIND)
    [one] = await queue.claim(1, block_ms=0)
    await tell(own_server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await streams.add(KIND)
    [two] = await queue.claim(1, block_ms=0)
    assert await settle(queue, one, two) == set()


async def test_a_crash_and_a_restart(
    own_server: RedisServer, queue: JobQueue, streams: Streams
) -> None:
    """Killed while a reader waits and a job is held: its lease, answer and all are there again."""
    await streams.add(KIND)
    [entry] = await queue.claim(1, block_ms=0)
    await record(queue, entry, b"answer")
    claim = asyncio.create_task(queue.claim(1, block_ms=60_000))
    await waiting(own_server)
    own_server.kill()
    with pytest.raises(OUTAGE):
        await claim
    with pytest.raises(OUTAGE):
        await settle(queue, entry)
    own_server.start()
    assert await through(lambda: renew(queue, entry)) == set()
    assert await streams.outbox(KIND) == {entry.entry_id.encode(): b"answer"}
    assert await settle(queue, entry) == set()
    await works(queue, streams)


async def test_a_frozen_server(
    own_server: RedisServer, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that keeps its connections and says nothing is given up after the time allowed."""
    allowed = ("_READER_TIMEOUT_S", "_COMMAND_TIMEOUT_S")
    assert all(getattr(redis_clients, name) <= 8 for name in allowed)  # seconds
    for name in allowed:
        monkeypatch.setattr(redis_clients, name, 0.3)
    clients = connect(own_server.url)
    streams, queue = Streams(clients.commands, keys), JobQueue(clients, keys, [KIND], "me")
    await queue.create_groups()
    claim = asyncio.create_task(queue.claim(1, block_ms=60_000))
    await waiting(own_server)
    own_server.freeze()
    with pytest.raises(OUTAGE):
        await claim
    with pytest.raises(OUTAGE):
        await write_refusal(clients.commands, keys)
    own_server.thaw()
    await works(queue, streams)
    await clients.close()


# ------------------------------------------------------------------------- what replies mean


_IN_A_SCRIPT = "Error running script (call to f_0a): @user_script:7: @user_script: 7: -"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("MISCONF Errors writing to the AOF file: No space left on device", NotNow),
        ("NOREPLICAS Not enough good replicas to write.", NotNow),
        ("BUSY Redis is busy running a script.", NotNow),
        ("BUSYGROUP Consumer Group name already exists", exceptions.ResponseError),
        (f"{_IN_A_SCRIPT}OOM command not allowed", exceptions.OutOfMemoryError),
        (f"{_IN_A_SCRIPT}READONLY You can't write", exceptions.ReadOnlyError),
        (f"{_IN_A_SCRIPT}NOREPLICAS Not enough", NotNow),
        (f"{_IN_A_SCRIPT}ERR value is not an integer", exceptions.ResponseError),
    ],
)
def test_an_error_is_understood(text: str, meaning: type[Exception]) -> None:
    """Each gets the class that says whether it passes by itself, and keeps its words."""
    understood_as = understood(exceptions.ResponseError(text))
    assert type(understood_as) is meaning
    assert str(understood_as) == text
    assert issubclass(meaning, OUTAGE) == (meaning is not exceptions.ResponseError)


@pytest.mark.parametrize(
    "code", ["Moved", "Ask", "ClusterDown", "ReadOnly", "BusyLoading", "MasterDown"]
)
def test_what_passes_by_itself(code: str) -> None:
    """What servers answer while they move, load or fail over stops no worker."""
    assert issubclass(getattr(exceptions, f"{code}Error"), OUTAGE)
