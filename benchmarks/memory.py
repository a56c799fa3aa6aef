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

from benchmarks.inside import STREAM, InstantCore, InstantModel, NothingToCheck, append
from shared.config import load_settings
from worker import app, outside
from worker.config import LogFormat, LogLevel, Settings
from worker.embedded.child import free_port
from worker.embedded.redis_server import RedisServer
from worker.observability.logs import configure
from worker.queue.redis_clients import connect

_BACKLOG = 5_000
_TOGETHER = 500


async def produce(url: str, jobs: int) -> None:
    """Append jobs, never more than a backlog's worth ahead of the worker."""
    clients = connect(url)
    sent = 0
    while sent < jobs:
        if int(await clients.commands.execute_command("XLEN", STREAM)) > _BACKLOG:
            await asyncio.sleep(0.05)
            continue
        await append(clients.commands, range(sent, sent + _TOGETHER))
        sent += _TOGETHER
    await clients.close()


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
        samples = asyncio.create_task(watch(url, core, jobs))
        await asyncio.wait((worker, samples), return_when=asyncio.FIRST_COMPLETED)
        if worker.done():  # before its time: what went wrong is in its result
            raise RuntimeError(f"the worker ended: {await worker}")
        await producer
        os.kill(os.getpid(), signal.SIGTERM)
        await worker
    return await samples


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
