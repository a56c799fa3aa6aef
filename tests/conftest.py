"""What tests of the engine run on: real servers, started once, emptied before each test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast
from unittest import mock

import fakeredis
import pytest
from fakeredis._socket import FakeSocket

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams
from tests.engine import Engine
from tests.simulation.redis_server import pcall
from worker.embedded.redis_server import ORDER, NoRedisServer, RedisServer, find_server
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import CommandClient, RedisClients, connect


def programs() -> list[Path]:
    """Every server there is here; only one where `LLM_WORKER_REDIS_SERVER` names it."""
    found: dict[Path, Path] = {}
    for name in ORDER:
        try:
            program = find_server((name,))
        except NoRedisServer:
            continue
        found.setdefault(program.resolve(), program)
    return list(found.values())


REAL = [
    pytest.param(program, marks=pytest.mark.redis, id=f"{number}-{program.name}")
    for number, program in enumerate(programs())
]


def running(program: Path | None) -> Iterator[RedisServer | None]:
    """A server for as long as it is needed; None where a stand-in in memory will do."""
    if program is None:
        with mock.patch.object(FakeSocket, "_lua_redis_pcall", pcall):
            yield None
        return
    with RedisServer(program) as server:
        yield server


@pytest.fixture(scope="session", params=REAL)
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer | None]:
    """Each server program in turn; started once for all tests, which find it empty."""
    yield from running(cast("Path", request.param))


@pytest.fixture(scope="session", params=[pytest.param(None, id="fakeredis"), *REAL])
def any_server(request: pytest.FixtureRequest) -> Iterator[RedisServer | None]:
    """As `redis_server`, and the stand-in in memory first: for scripts that never block."""
    yield from running(cast("Path | None", request.param))


@pytest.fixture(params=REAL)
def own_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server for a test that stops or freezes it."""
    with RedisServer(cast("Path", request.param)) as server:
        yield server


@pytest.fixture
async def clients(redis_server: RedisServer) -> AsyncIterator[RedisClients]:
    """The worker's own clients at an empty server."""
    async for made in connected(redis_server):
        yield made


@pytest.fixture
async def any_clients(any_server: RedisServer | None) -> AsyncIterator[RedisClients]:
    """The worker's own clients at an empty server, or at the stand-in in memory."""
    async for made in connected(any_server):
        yield made


async def connected(server: RedisServer | None) -> AsyncIterator[RedisClients]:
    """Clients of an emptied server, closed afterwards."""
    if server is None:
        fake = cast("CommandClient", fakeredis.FakeAsyncRedis(protocol=2, legacy_responses=False))
        made = RedisClients(fake, fake)
    else:
        made = connect(server.url)
    try:
        await made.commands.execute_command("FLUSHALL")
        yield made
    finally:
        await made.close()


@pytest.fixture
def keys() -> Keys:
    """The names in Redis."""
    return Keys("t")


@pytest.fixture
def streams(clients: RedisClients, keys: Keys) -> Streams:
    """What a producer does, and what an operator sees."""
    return Streams(clients.commands, keys)


@pytest.fixture
async def queue(clients: RedisClients, keys: Keys) -> JobQueue:
    """A worker of every job type, its groups made."""
    made = JobQueue(clients, keys, list(JobType), "me")
    await made.create_groups()
    return made


@pytest.fixture
async def other(clients: RedisClients, keys: Keys) -> JobQueue:
    """Another worker of the same group; it never blocks, so the clients may be shared."""
    return JobQueue(clients, keys, list(JobType), "other")


@pytest.fixture
def engine(clients: RedisClients, keys: Keys) -> Engine:
    """A whole worker; not yet running."""
    return Engine(clients, keys)


@pytest.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    """Whatever a test does, afterwards there are no tasks but those that were there before."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}
