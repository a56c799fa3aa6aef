"""A server that answers and takes no writes is neither ready nor up, on every server there is."""

from collections.abc import AsyncIterator

import pytest

from shared.redis_streams import Keys
from tests.redis.servers import tell, until_says
from worker.embedded.redis_server import RedisServer
from worker.observability.health import Unready
from worker.observability.redis_check import redis_check
from worker.operations.refused_writes import refused_writes
from worker.operations.snapshot import take_snapshot
from worker.operations.totals import read_totals
from worker.queue.redis_clients import RedisClients, connect

KEYS = Keys()
NOBODY = "1"
"""A port at which no server listens: a replica of it has lost its master."""


@pytest.fixture
async def clients(own_server: RedisServer) -> AsyncIterator[RedisClients]:
    """The worker's clients, at a server of the test's own."""
    made = connect(own_server.url)
    yield made
    await made.close()


async def look(clients: RedisClients) -> tuple[str, bool, str]:
    """What `/ready` says, whether the fleet's numbers call it up, and what an operator is told."""
    said = "ok"
    try:
        await redis_check(clients.commands, KEYS)()
    except Unready as error:
        said = str(error)
    totals = await read_totals(clients.commands, KEYS)
    [told, *_] = (await take_snapshot(clients.commands, KEYS)).hints
    return said, totals.takes_writes, told.text


@pytest.mark.parametrize(
    ("code", "trouble", "cure", "mends"),
    [
        (
            *("OOM", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
            "of maxmemory 1B; nothing new can be enqueued",
        ),
        (
            "READONLY",
            f"REPLICAOF 127.0.0.1 {NOBODY}",
            "REPLICAOF NO ONE",
            "all jobs wait; this is a replica: let",
        ),
        (
            "NOREPLICAS",
            "CONFIG SET min-replicas-to-write 1",
            "CONFIG SET min-replicas-to-write 0",
            "bring its replicas back",
        ),
    ],
)
async def test_a_server_that_answers_and_takes_no_writes(
    own_server: RedisServer, clients: RedisClients, code: str, trouble: str, cure: str, mends: str
) -> None:
    """It is neither ready nor up, and what mends it is said; to look changes nothing."""
    before = await tell(own_server, "DBSIZE")
    assert await look(clients) == ("ok", True, "no worker runs")
    await tell(own_server, *trouble.split())
    said, takes_writes, told = await look(clients)
    assert said.startswith(f"refuses writes: {code} ")
    assert not takes_writes
    assert told.startswith("Redis takes no writes: ")
    assert mends in told
    await tell(own_server, *cure.split())
    assert await look(clients) == ("ok", True, "no worker runs")
    assert await tell(own_server, "DBSIZE") == before


async def test_a_server_that_cannot_save(own_server: RedisServer, clients: RedisClients) -> None:
    """MISCONF, as after a snapshot that found no room: the same, though it refuses PING, too."""
    (own_server.folder / "dump.rdb").mkdir()  # stands where it would be renamed to
    await tell(own_server, "CONFIG", "SET", "save", "3600 1")
    await tell(own_server, "BGSAVE")
    await until_says(own_server, ("INFO", "persistence"), "'rdb_last_bgsave_status': 'err'")
    said, takes_writes, told = await look(clients)
    assert said.startswith("refuses writes: MISCONF ")
    assert not takes_writes
    assert "make room on its disk" in told


async def test_a_server_that_is_gone(own_server: RedisServer, clients: RedisClients) -> None:
    """It is not ready, and no name of a class says why."""
    own_server.stop()
    with pytest.raises(Unready, match=r"refused|failed") as caught:
        await redis_check(clients.commands, KEYS)()
    assert "Error:" not in str(caught.value)


async def test_who_may_not_ask(own_server: RedisServer) -> None:
    """A user that only reads is refused the question: that says nothing about the workers."""
    await tell(
        own_server, "ACL", "SETUSER", "guest", "on", "nopass", "~*", "+@read", "+@connection"
    )
    guest = connect(own_server.url.replace("//", "//guest:x@"))
    await tell(own_server, "CONFIG", "SET", "maxmemory", "1")
    try:
        assert await refused_writes(guest.commands, KEYS) is None
    finally:
        await guest.close()


async def test_who_may_not_see_the_figures(own_server: RedisServer) -> None:
    """Without `+info` it is told in the server's words."""
    await tell(own_server, "ACL", "SETUSER", "few", "on", "nopass", "~*", "+xadd", "+@connection")
    few = connect(own_server.url.replace("//", "//few:x@"))
    await tell(own_server, "CONFIG", "SET", "maxmemory", "1")
    try:
        refused = await refused_writes(few.commands, KEYS)
    finally:
        await few.close()
    assert refused is not None
    assert refused.found.startswith("OOM command not allowed")
