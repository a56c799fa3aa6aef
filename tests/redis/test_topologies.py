"""Sentinel, Cluster, TLS, users, sockets: the worker's clients find their way."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from redis.exceptions import ResponseError

from shared.config import ConfigError, load_settings
from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams
from tests.one_by_one import record, renew, settle
from tests.redis.conftest import program
from tests.redis.servers import (
    Source,
    certificate,
    cluster,
    has_tls,
    replicated,
    tell,
    until_says,
    watched,
)
from worker.config import Settings
from worker.embedded.child import free_port
from worker.embedded.redis_server import RedisServer
from worker.queue import redis_clients
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import FATAL, OUTAGE, RedisClients, connect
from worker.queue.write_probe import write_refusal

T = TypeVar("T")
KIND = JobType.TEXT_TAG
KEYS = Keys("{llm}")
PASSWORD = "p@ss/w:rd"
QUOTED = "p%40ss%2Fw%3Ard"
DOCS = Path(__file__).parents[2] / "docs" / "redis.md"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen servers are given up sooner than a worker would."""
    monkeypatch.setattr(redis_clients, "_READER_TIMEOUT_S", 3)
    monkeypatch.setattr(redis_clients, "_COMMAND_TIMEOUT_S", 2)


async def through(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call for as long as there is an outage."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(*OUTAGE):
                return await call()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def at(url: str) -> AsyncGenerator[tuple[RedisClients, JobQueue, Streams]]:
    """The worker's clients at a URL, a queue and a producer."""
    clients = connect(url, key=KEYS.dead)
    try:
        queue = JobQueue(clients, KEYS, list(JobType), "me", events_kept=10)
        yield clients, queue, Streams(clients.commands, KEYS)
    finally:
        await clients.close()


async def one_job(queue: JobQueue, streams: Streams, *, more: int = 0) -> None:
    """A job is added, claimed, answered and settled; `more` are there already."""
    await through(streams.add)
    done: dict[str, ClaimedEntry] = {}
    while len(done) <= more:
        for entry in await through(lambda: queue.claim(64, block_ms=500)):
            assert await through(lambda entry=entry: record(queue, entry, b"answer"))
            done[entry.entry_id] = entry
    await through(lambda: settle(queue, *done.values()))
    assert await streams.left_over() == {}


# ------------------------------------------------------------------------- Sentinel


async def ask_for_failover(sentinel: RedisServer) -> None:
    """As an operator does; refused until the Sentinel knows enough of the replica."""
    async with asyncio.timeout(30):
        while True:
            try:
                await tell(sentinel, "SENTINEL", "FAILOVER", "mymaster")
            except ResponseError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize(("how", "sentinels"), [("killed", 3), ("frozen", 1), ("asked", 1)])
async def test_sentinels_name_another_master(chosen: Source, how: str, sentinels: int) -> None:
    """Whether the master dies, freezes or is demoted: the held job is settled at the new one."""
    async with (
        watched(program(chosen), sentinels) as servers,
        at(servers.url) as (_, queue, streams),
    ):
        await queue.create_groups()
        await streams.add(KIND)
        [entry] = await queue.claim(1, block_ms=0)
        blocked = asyncio.create_task(queue.claim(1, block_ms=2_000))
        await replicated(servers.master, "{llm}:sync")
        if how == "asked":
            await ask_for_failover(servers.sentinels[0])
        else:
            (servers.master.kill if how == "killed" else servers.master.freeze)()
        await until_says(servers.replica, ("INFO", "replication"), "'role': 'master'")
        if how == "asked":  # until it is told, the old one takes writes that will be lost
            await until_says(servers.master, ("INFO", "replication"), "'role': 'slave'")
        with contextlib.suppress(*OUTAGE):
            assert await blocked == []
        assert await through(lambda: renew(queue, entry)) == set()
        assert await through(lambda: settle(queue, entry)) == set()
        await one_job(queue, streams)
        info = await tell(servers.replica, "INFO", "commandstats")
        assert info["cmdstat_xack"]["calls"] >= 2


async def test_a_dead_sentinel_is_passed_over(chosen: Source) -> None:
    """Any that answers will do; with none there it is an outage, and it ends."""
    async with watched(program(chosen), sentinels=2) as servers:
        servers.sentinels[0].kill()
        async with at(servers.url) as (_, queue, streams):
            await queue.create_groups()
            await one_job(queue, streams)
        servers.sentinels[1].kill()
        async with at(servers.url) as (clients, queue, streams):
            with pytest.raises(OUTAGE, match="no Sentinel names a master 'mymaster'"):
                await write_refusal(clients.commands, KEYS)
            servers.sentinels[0].start()
            await one_job(queue, streams)


# ------------------------------------------------------------------------- Cluster


def _needs_7(source: Source) -> None:
    if source.version < (7,):
        pytest.skip("the test's Cluster needs --cluster-port of 7.0")


def _cluster_url(nodes: list[RedisServer]) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes[1:3])


async def test_a_slot_moves(chosen: Source) -> None:
    """While our slot goes from one node to another, work waits; then it goes on there."""
    _needs_7(chosen)
    async with (
        cluster(program(chosen)) as nodes,
        at(_cluster_url(nodes)) as (_, queue, streams),
    ):
        await queue.create_groups()
        for _ in range(3):
            await streams.add(KIND)
        held = await queue.claim(2, block_ms=0)
        await record(queue, held[0], b"answer")
        slot = int(await tell(nodes[0], "CLUSTER", "KEYSLOT", KEYS.dead))
        holder = nodes[slot // 5462]
        target = nodes[(slot // 5462 + 1) % 3]
        blocked = asyncio.create_task(queue.claim(1, block_ms=2_000))
        await _migrate(slot, holder, target, nodes)
        with contextlib.suppress(*OUTAGE):
            held += await blocked
        for entry in held:
            assert await through(lambda entry=entry: settle(queue, entry)) == set()
        await one_job(queue, streams, more=3 - len(held))
        assert await tell(target, "CLUSTER", "COUNTKEYSINSLOT", slot) > 0


async def _migrate(
    slot: int, holder: RedisServer, target: RedisServer, nodes: list[RedisServer]
) -> None:
    ids = {node: (await tell(node, "CLUSTER", "MYID")).decode() for node in (holder, target)}
    await tell(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[holder])
    await tell(holder, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    keys = await tell(holder, "CLUSTER", "GETKEYSINSLOT", slot, 100)
    for key in keys:
        await tell(holder, "MIGRATE", "127.0.0.1", target.port, key, 0, 5_000)
    for node in (target, holder, *nodes[:3]):
        await tell(node, "CLUSTER", "SETSLOT", slot, "NODE", ids[target])


async def test_a_node_dies(chosen: Source) -> None:
    """The replica of the node that held our slot takes over; the held job is settled there."""
    _needs_7(chosen)
    keys = Keys("{a0}")  # a slot of the first node, which has the replica
    async with cluster(program(chosen)) as nodes:
        clients = connect(_cluster_url(nodes), key=keys.dead)
        queue = JobQueue(clients, keys, list(JobType), "me")
        streams = Streams(clients.commands, keys)
        assert int(await tell(nodes[0], "CLUSTER", "KEYSLOT", keys.dead)) < 5462
        await queue.create_groups()
        await streams.add(KIND)
        [entry] = await queue.claim(1, block_ms=0)
        await replicated(nodes[0], "{a0}:sync")
        nodes[0].kill()
        assert await through(lambda: settle(queue, entry)) == set()
        await one_job(queue, streams)
        await clients.close()


async def test_a_cluster_asks_for_its_password(chosen: Source) -> None:
    """A user who may not ask for the slots is refused for good, one who may is served."""
    _needs_7(chosen)
    async with cluster(program(chosen)) as nodes:
        for node in nodes:
            await tell(node, "ACL", "SETUSER", "w", "on", f">{PASSWORD}", "~{llm}:*", "+@all")
        hosts = _cluster_url(nodes).removeprefix("redis+cluster://")
        async with at(f"redis+cluster://w:{QUOTED}@{hosts}") as (_, queue, streams):
            await queue.create_groups()
            await one_job(queue, streams)
        for node in nodes:
            await tell(node, "ACL", "SETUSER", "w", "-cluster")
        async with at(f"redis+cluster://w:{QUOTED}@{hosts}") as (clients, _, _):
            with pytest.raises(FATAL):
                await write_refusal(clients.commands, KEYS)


@pytest.mark.parametrize(("prefix", "starts"), [("llm", False), ("{llm}", True)])
def test_a_cluster_needs_a_tag(prefix: str, starts: bool) -> None:
    """Keys that would be spread over the nodes stop the start, in words that name the setting."""
    words = {"redis_url": "redis+cluster://h", "llm_stream_prefix": prefix}
    if starts:
        assert load_settings(Settings, **words).llm_stream_prefix == prefix
    else:
        with pytest.raises(ConfigError, match=r"^LLM_STREAM_PREFIX='llm': in a Redis Cluster"):
            load_settings(Settings, **words)


# ------------------------------------------------------------------------- TLS, socket


async def test_tls(source: Source, tmp_path: Path) -> None:
    """With the right certificate authority there is service, without it there is none."""
    made, key = certificate(tmp_path)
    port = free_port()
    options = ("--tls-port", str(port), "--tls-cert-file", str(made), "--tls-key-file", str(key))
    options = (*options, "--tls-ca-cert-file", str(made), "--tls-auth-clients", "optional")
    if not has_tls(program(source), options):
        pytest.skip(f"{source.name} was built without TLS")
    with RedisServer(program(source), options):
        async with at(f"rediss://127.0.0.1:{port}?ssl_ca_certs={made}") as (_, queue, streams):
            await queue.create_groups()
            await one_job(queue, streams)
        mutual = f"ssl_ca_certs={made}&ssl_certfile={made}&ssl_keyfile={key}"
        for words in (mutual, "ssl_cert_reqs=none"):
            async with at(f"rediss://127.0.0.1:{port}?{words}") as (clients, _, _):
                await write_refusal(clients.commands, KEYS)
        async with at(f"rediss://127.0.0.1:{port}") as (clients, _, _):
            with pytest.raises(OUTAGE, match="CERTIFICATE_VERIFY_FAILED"):
                await write_refusal(clients.commands, KEYS)
        wrong_name = f"rediss://localhost:{port}?ssl_ca_certs={made}"
        async with at(wrong_name) as (clients, _, _):
            with pytest.raises(OUTAGE, match="CERTIFICATE_VERIFY_FAILED"):
                await write_refusal(clients.commands, KEYS)
        async with at(f"{wrong_name}&ssl_check_hostname=false") as (clients, _, _):
            await write_refusal(clients.commands, KEYS)


async def test_a_unix_socket(source: Source) -> None:
    """The same over a socket, also with another database."""
    with RedisServer(program(source)) as server:
        path = server.folder / "redis.sock"
        server.stop()
        with RedisServer(program(source), ("--unixsocket", str(path))):
            for url in (f"unix://{path}", f"unix://{path}?db=3"):
                async with at(url) as (_, queue, streams):
                    await queue.create_groups()
                    await one_job(queue, streams)


async def test_databases_are_apart(redis_server: RedisServer) -> None:
    """`/3` after the host is another database than none."""
    await tell(redis_server, "FLUSHALL")
    async with at(f"{redis_server.url}/3") as (_, queue, _streams):
        await queue.create_groups()
    assert await tell(redis_server, "DBSIZE") == 0
