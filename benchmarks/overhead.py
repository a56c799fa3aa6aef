"""What the queue itself costs: `python -m benchmarks.overhead`, processor time of one worker a job.

Real: the daemon's composition in a process of its own, Redis, every script, the log line of each
job (JSON, into a file). Made up: the handler, which answers at once without asking a model, and
Core, which takes everything inside the process. The jobs are there before the worker starts; its
first ones are not counted. CPU is user + system time of the worker's process alone.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, cast
from unittest import mock

from rich.console import Console
from rich.table import Table

from benchmarks.inside import InstantCore, InstantModel, NothingToCheck, append
from shared.config import load_settings
from shared.enums import JobType
from shared.schemas import PAYLOADS, LLMJobUpdate
from worker import app, hands, outside
from worker.cli.run import run_on_a_loop
from worker.config import LogFormat, LogLevel, Settings
from worker.embedded.child import die_with_parent, free_port
from worker.embedded.redis_server import RedisServer
from worker.handlers.handler import Handler, Tools
from worker.observability.logs import configure
from worker.outcome import Completed
from worker.queue.redis_clients import connect

_WARM_UP = 2_000
_TOGETHER = 500
_ANSWER = Completed(result={"memory_id": "m1", "tags": ["ferry"]})


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took, per job: microseconds of user and of system time; and the memory's peak."""

    user_us: float
    system_us: float
    rss_mib: float

    @property
    def cpu_us(self) -> float:
        """Both together."""
        return self.user_us + self.system_us


# ---------------------------------------------------------------------- the worker's process


async def answer(_payload: Any, _tools: Tools) -> Completed:
    """The no-op."""
    return _ANSWER


class CountingCore(InstantCore):
    """Takes everything; reads the process's times when the counted jobs begin and end."""

    def __init__(self, jobs: int, profile: cProfile.Profile | None) -> None:
        super().__init__()
        self._jobs = jobs
        self._profile = profile
        self._start = (0.0, 0.0)

    async def finish(self, job_id: str, update: LLMJobUpdate, *, key: str) -> None:
        """Taken, and counted."""
        await super().finish(job_id, update, key=key)
        if self.finished == _WARM_UP:
            self._start = _times()
            if self._profile is not None:
                self._profile.enable()
        elif self.finished == _WARM_UP + self._jobs:
            if self._profile is not None:
                self._profile.disable()
            user, system = (now - then for now, then in zip(_times(), self._start, strict=True))
            peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(user / self._jobs * 1e6, system / self._jobs * 1e6, peak_kib / 1024, flush=True)
            os.kill(os.getpid(), signal.SIGTERM)


def _times() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime, used.ru_stime


def work(url: str, jobs: int, log_path: Path, *, profiled: bool) -> None:
    """Be the worker, until all jobs are done; prints what they have cost."""
    profile = cProfile.Profile() if profiled else None
    core = CountingCore(jobs, profile)
    handlers: Mapping[JobType, Handler[Any]] = {
        job_type: cast("Handler[Any]", Handler(job_type, schema, answer))
        for job_type, schema in PAYLOADS.items()
    }
    settings = load_settings(Settings, redis_url=url, worker_health_port=free_port())
    with (
        log_path.open("w", encoding="utf-8") as log,
        mock.patch.object(hands, "HANDLERS", handlers),
        mock.patch.object(outside, "CoreApiClient", return_value=core),
        mock.patch.object(outside, "build_llm", return_value=InstantModel()),
        mock.patch.object(app, "build_preflight", return_value=NothingToCheck()),
        mock.patch.object(app, "build_load_watch", return_value=NothingToCheck()),
    ):
        configure(LogLevel.INFO, LogFormat.JSON, log)
        run_on_a_loop(app.run(settings))
    if profile is not None:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(60)


# ---------------------------------------------------------------------- the one who measures


async def enqueue(url: str, jobs: int) -> None:
    """Append the jobs to an empty server."""
    clients = connect(url)
    await clients.commands.execute_command("FLUSHALL")
    for first in range(0, jobs, _TOGETHER):
        await append(clients.commands, range(first, min(first + _TOGETHER, jobs)))
    await clients.close()


def run_once(url: str, jobs: int, *, profiled: bool) -> Cost:
    """One worker on a full stream."""
    asyncio.run(enqueue(url, _WARM_UP + jobs))
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        words = [sys.executable, "-m", "benchmarks.overhead", "--worker", url, "--log", log.name]
        words += ["--jobs", str(jobs), *(["--profile"] if profiled else [])]
        done = subprocess.run(  # noqa: S603 - our own command line, no shell
            die_with_parent(words), stdout=subprocess.PIPE, text=True, check=True, timeout=600
        )
        log.seek(0)
        lines = sum(b'"job_done"' in line for line in log)
    if lines != _WARM_UP + jobs:
        raise RuntimeError(f"{lines:,} lines for {_WARM_UP + jobs:,} jobs")
    return Cost(*map(float, done.stdout.split()))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="where the time goes, on stderr")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--log", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        work(chosen.worker, chosen.jobs, Path(chosen.log), profiled=chosen.profile)
        return
    with RedisServer() as redis:
        runs = [
            run_once(redis.url, chosen.jobs, profiled=chosen.profile) for _ in range(chosen.runs)
        ]
    table = Table("µs of CPU a job", "median", "least", "most", box=None, pad_edge=False)
    for name in ("cpu_us", "user_us", "system_us"):
        found = [cast("float", getattr(run, name)) for run in runs]
        table.add_row(name, *(f"{x:,.1f}" for x in (median(found), min(found), max(found))))
    Console().print(table)
    print(f"peak memory of the worker: {max(run.rss_mib for run in runs):.0f} MiB")


if __name__ == "__main__":
    main()
