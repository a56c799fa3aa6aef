"""Does anything grow? Many jobs through one worker, its memory and Redis's on the way.

    python -m benchmarks.memory --jobs 1000000

Real: the daemon's composition, Redis, every script. Made up: the model and Core, which answer at
once inside the process, so that a million jobs take minutes. Each job has one effect and a result.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from rich.console import Console
from rich.table import Table

from shared.config import load_settings
from shared.redis_streams import JobEntry, Keys, encode_entry
from shared.schemas import LLMJobUpdate, TaskResponse
from worker import app, outside
from worker.config import LogFormat, LogLevel, Settings
from worker.embedded.child import free_port
from worker.embedded.redis_server import RedisServer
from worker.llm.chat import ChatRequest, Completion, ModelRole
from worker.observability.logs import configure
from worker.outcome import Effect
from worker.queue.redis_clients import connect

_BACKLOG = 5_000
_PIPELINE = 500


class InstantModel:
    """Answers every question about tags at once."""

    async def complete(self, request: ChatRequest) -> Completion:
        """Two tags."""
        return Completion('{"tags": ["ferry", "naxos"]}', "stop", len(request.prompt.user) // 4, 9)

    def context_tokens(self, role: ModelRole) -> int | None:
        """Much."""
        del role
        return 128_000

    async def ping(self) -> None:
        """Here."""

    async def close(self) -> None:
        """Nothing to close."""


class NothingToCheck:
    """A model that is as it should be."""

    async def start(self) -> None:
        """There is nothing to look at."""

    async def watch(self) -> None:
        """Nor later."""
        await asyncio.Event().wait()

    async def run(self) -> None:
        """Nor its load."""
        await asyncio.Event().wait()


class InstantCore:
    """Takes everything at once, and counts what is final."""

    def __init__(self) -> None:
        self.finished = 0

    async def mark_processing(self, job_id: str) -> None:
        """Taken."""

    async def apply(self, effect: Effect, *, key: str) -> None:
        """Taken."""

    async def finish(self, job_id: str, update: LLMJobUpdate, *, key: str) -> None:
        """Taken, and counted."""
        self.finished += 1

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """None."""
        return []

    async def ping(self) -> None:
        """Here."""

    async def close(self) -> None:
        """Nothing to close."""


async def produce(url: str, jobs: int) -> None:
    """Append jobs, never more than a backlog's worth ahead of the worker."""
    clients = connect(url)
    stream = Keys().stream("text_tag")
    sent = 0
    while sent < jobs:
        if int(await clients.commands.execute_command("XLEN", stream)) > _BACKLOG:
            await asyncio.sleep(0.05)
            continue
        await asyncio.gather(*(_append(clients, stream, sent + n) for n in range(_PIPELINE)))
        sent += _PIPELINE
    await clients.close()


async def _append(clients: Any, stream: str, number: int) -> None:
    payload = {"memory_id": "m1", "content": f"Booked the ferry to Naxos, ticket {number}"}
    fields = encode_entry(JobEntry(f"job-{number}", payload, user_id=42))
    flat = [part for pair in fields.items() for part in pair]
    await clients.commands.execute_command("XADD", stream, "*", *flat)


async def watch(url: str, core: InstantCore, jobs: int) -> list[tuple[int, float, int, int]]:
    """Samples of (jobs done, seconds, worker's RSS in KiB, Redis's memory in bytes)."""
    clients = connect(url)
    started, samples = time.monotonic(), list[tuple[int, float, int, int]]()
    step = max(jobs // 10, 1)
    for goal in range(step, jobs + 1, step):
        while core.finished < goal:
            await asyncio.sleep(0.05)
        info: Mapping[str, Any] = await clients.commands.execute_command("INFO", "memory")
        used = int(info["used_memory"])
        samples.append((core.finished, time.monotonic() - started, _rss_kib(), used))
    await clients.close()
    return samples


def _rss_kib() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("needs Linux: /proc/self/status has no VmRSS")


async def measure(jobs: int, url: str) -> list[tuple[int, float, int, int]]:
    """Run the daemon and a producer until all jobs are done."""
    core = InstantCore()
    settings = load_settings(
        Settings, redis_url=url, worker_health_port=free_port(), log_level=LogLevel.ERROR
    )
    configure(settings.log_level, LogFormat.JSON, sys.stderr)
    with (
        mock.patch.object(outside, "CoreApiClient", return_value=core),
        mock.patch.object(outside, "build_llm", return_value=InstantModel()),
        mock.patch.object(app, "build_preflight", return_value=NothingToCheck()),
        mock.patch.object(app, "build_load_watch", return_value=NothingToCheck()),
    ):
        worker = asyncio.create_task(app.run(settings))
        producer = asyncio.create_task(produce(url, jobs))
        samples = await watch(url, core, jobs)
        await producer
        os.kill(os.getpid(), signal.SIGTERM)
        await worker
    return samples


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    jobs = parser.parse_args().jobs
    with RedisServer(options=("--auto-aof-rewrite-min-size", "64mb")) as redis:
        samples = asyncio.run(measure(jobs, redis.url))
    table = Table("jobs done", "seconds", "jobs/s", "worker RSS MiB", "Redis used MiB", box=None)
    for done, seconds, rss, used in samples:
        cells = (f"{done:,}", f"{seconds:.0f}", f"{done / seconds:,.0f}")
        table.add_row(*cells, f"{rss / 1024:.1f}", f"{used / 2**20:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
