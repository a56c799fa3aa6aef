"""Does a job cost the same in eight processes as in one, and before a long queue as before a short?

    python -m benchmarks.scale

Real: the daemon as it is started (`WORKER_PROCESSES`), Redis, HTTP. The model and Core are one
process that answers at once. CPU is user + system time of the worker's process tree, its parent
included, from when all processes are ready and the backlog is there; the backlog is kept up while
it is measured. All variants take turns, and each is compared within its own round.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aiohttp
from rich.console import Console
from rich.table import Table

from shared.redis_streams import JobEntry, Keys, encode_entry
from worker.embedded.child import die_with_parent, free_port
from worker.embedded.redis_server import RedisServer
from worker.embedded.service import Service, clean_environ
from worker.queue.redis_clients import CommandClient, connect

_POLL_S = 0.05
_AT_ONCE = 5_000
_STREAM = Keys().stream("text_tag")
_PAYLOAD = {"memory_id": "m1", "content": "Booked the ferry to Naxos for June"}
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SIZE = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PUT = """
for _ = 1, tonumber(ARGV[1]) do
  local number = redis.call('INCR', KEYS[2])
  redis.call('XADD', KEYS[1], '*', 'job_id', 'job-' .. number, unpack(ARGV, 2))
end"""


@dataclass(frozen=True, slots=True)
class Variant:
    """So many processes, so many jobs waiting, and what all processes may ask at once."""

    processes: int
    backlog: int = 1_000
    concurrency: int = 64


def _reply(body: object, kind: str = "application/json") -> bytes:
    text = (body if isinstance(body, str) else json.dumps(body)).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n"
    return head.encode() + text


_COMPLETIONS = b"/v1/chat/completions"
_ANSWERS = {
    b"/v1/models": _reply({"object": "list", "data": [{"id": "mistral", "max_model_len": 131072}]}),
    _COMPLETIONS: _reply(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": "mistral",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": '{"tags": ["ferry", "naxos"]}'},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 200, "completion_tokens": 9, "total_tokens": 209},
        }
    ),
    b"/metrics": _reply("vllm:num_requests_running 0\nvllm:num_requests_waiting 0\n", "text/plain"),
}
_NOTHING = _reply({})


class Instant(asyncio.Protocol):
    """The model server and Core, in a few canned replies.

    Args:
        latency_s: what a completion takes.
    """

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._came = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            size = _SIZE.search(self._came[: end + 2])
            length = end + 4 + (int(size[1]) if size else 0)
            if len(self._came) < length:
                return
            path = self._came.split(b" ", 2)[1]
            self._came = self._came[length:]
            wait_s = self._latency_s if path == _COMPLETIONS else 0.0
            asyncio.get_running_loop().call_later(wait_s, self._answer, path)

    def _answer(self, path: bytes) -> None:
        if self._transport is not None:
            self._transport.write(_ANSWERS.get(path, _NOTHING))


async def _serve(latency_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Instant(latency_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def instant_servers(latency_ms: float) -> Generator[str]:
    """Both, in a process of their own; their address."""
    command = [sys.executable, "-m", "benchmarks.scale", "--serve"]
    command += ["--latency-ms", str(latency_ms)]
    server = subprocess.Popen(  # noqa: S603 - our own command line, no shell
        die_with_parent(command), stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None  # noqa: S101 - it was asked for
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.communicate()


def tree(pid: int) -> Iterable[int]:
    """A process and all below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            yield from tree(int(child))


def cpu_s(pid: int) -> float:
    """User and system seconds of a process tree, those of its dead included."""
    ticks = 0
    for each in tree(pid):
        stat = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += sum(int(field) for field in stat[11:15])
    return ticks / _TICKS_PER_S


class Load:
    """Keeps a backlog of jobs, and counts those that are done."""

    def __init__(self, client: CommandClient, backlog: int) -> None:
        self._client = client
        self._backlog = backlog
        self._put = 0
        entry = encode_entry(JobEntry("any", _PAYLOAD, user_id=42))
        fields = ((name, value) for name, value in entry.items() if name != "job_id")
        self._fields = [part for field in fields for part in field]

    async def keep_up(self) -> int:
        """Add what is missing; returns how many jobs are done."""
        waiting = int(await self._client.execute_command("XLEN", _STREAM))
        done = self._put - waiting
        while waiting < self._backlog:
            count = min(self._backlog - waiting, _AT_ONCE)
            await self._client.execute_command(
                "EVAL", _PUT, 2, _STREAM, "bench:number", count, *self._fields
            )
            self._put, waiting = self._put + count, waiting + count
        return done

    async def until(self, goal: int) -> int:
        """Keep it up until so many jobs are done; returns how many are."""
        while (done := await self.keep_up()) < goal:
            await asyncio.sleep(_POLL_S)
        return done


async def _ready(worker: Service) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(worker.ready_url.replace("/live", "/ready")) as response:
                if response.status == 200:
                    return
            await asyncio.sleep(_POLL_S)


async def cost_us(variant: Variant, worker: Service, redis_url: str, jobs: int) -> float:
    """Microseconds of the worker's processor for a job."""
    clients = connect(redis_url)
    try:
        await clients.commands.execute_command("FLUSHALL")
        worker.start()
        worker.wait_until_ready()
        await _ready(worker)
        load = Load(clients.commands, variant.backlog)
        begun = await load.until(await load.keep_up() + jobs // 4)
        cpu = cpu_s(worker.pid)
        done = await load.until(begun + jobs) - begun
        return (cpu_s(worker.pid) - cpu) / done * 1e6
    finally:
        worker.kill()
        await clients.close()


def measure(
    variants: list[Variant], jobs: int, rounds: int, latency_ms: float
) -> dict[Variant, list[float]]:
    """Every variant in each round, the order turned from one to the next."""
    found: dict[Variant, list[float]] = {variant: [] for variant in variants}
    with (
        tempfile.TemporaryDirectory(prefix="llm-worker-bench-") as folder,
        RedisServer() as redis,
        instant_servers(latency_ms) as url,
    ):
        for number in range(rounds):
            for variant in variants if number % 2 == 0 else reversed(variants):
                worker = _worker(variant, redis.url, url, Path(folder))
                found[variant].append(asyncio.run(cost_us(variant, worker, redis.url, jobs)))
    return found


def _worker(variant: Variant, redis_url: str, url: str, folder: Path) -> Service:
    port = free_port()
    environ = clean_environ() | {
        "REDIS_URL": redis_url,
        "CORE_API_URL": url,
        "LLM_BASE_URL": f"{url}/v1",
        "LLM_CANARY": "false",
        "WORKER_JOB_TYPES": "text_tag",
        "WORKER_PROCESSES": str(variant.processes),
        "WORKER_HEALTH_PORT": str(port),
        "WORKER_CONCURRENCY": str(variant.concurrency),
        "LLM_ADAPTIVE": "false",  # else a run is too short to find its limit
        "LOG_FORMAT": "json",
    }
    return Service("worker", ["worker"], f"http://127.0.0.1:{port}/live", folder, environ)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--jobs", type=int, default=3_000, help="jobs a run is measured over")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=0, help="what a model call takes")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--backlogs", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--million", action="store_true", help="a backlog of 1,000,000, too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(_serve(chosen.latency_ms / 1_000))
        return
    most = max(chosen.processes)
    variants = [Variant(processes) for processes in chosen.processes]
    variants += [Variant(most, concurrency=64 * most), Variant(1, concurrency=max(64 // most, 1))]
    variants += [Variant(1, backlog) for backlog in chosen.backlogs]
    variants += [Variant(1, 1_000_000)] if chosen.million else []
    show(measure(variants, chosen.jobs, chosen.rounds, chosen.latency_ms))


def show(found: dict[Variant, list[float]]) -> None:
    """The table; `ratio` is the median of runs against the first variant's of the same round."""
    table = Table(box=None, pad_edge=False)
    names = ("processes", "at once", "backlog", "µs of CPU a job", "least", "most", "ratio")
    for name in names:
        table.add_column(name, justify="right")
    first = next(iter(found.values()))
    for variant, costs in found.items():
        table.add_row(
            f"{variant.processes}",
            f"{variant.concurrency}",
            f"{variant.backlog:,}",
            *(f"{value:,.0f}" for value in (median(costs), min(costs), max(costs))),
            f"{median(a / b for a, b in zip(costs, first, strict=True)):.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
