"""One run: a stack, a fleet, jobs and faults at the same time, quiet, and what is left."""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shared import Keys
from tests.chaos.evidence import (
    Evidence,
    read_bill,
    read_core,
    read_logs,
    read_redis,
)
from tests.chaos.fleet import Fleet, Relays
from tests.chaos.havoc import Havoc
from tests.chaos.jobs import Producer
from tests.chaos.journal import Journal
from tests.chaos.outstanding import Outstanding
from tests.chaos.plan import Kind, plan
from tests.chaos.proxy import Proxy
from tests.chaos.verdict import broken
from worker.embedded.stack import Stack

KEYS = Keys()
QUIET_S = 90.0
"""How long the fleet may take to finish what is left once nothing goes wrong any more."""


@dataclass(frozen=True, slots=True)
class Options:
    """A run's size."""

    seed: int
    seconds: float
    jobs: int
    workers: int
    lease_s: float = 2.0
    latency_ms: float = 100.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    options: Options
    took_s: float
    faults: Counter[Kind]
    evidence: Evidence
    broken: list[str]
    folder: Path | None
    """Logs and Core's database, kept where an invariant is broken."""


async def run(options: Options) -> Outcome:
    """Carry out one run."""
    started = time.monotonic()
    with Stack(latency_ms=options.latency_ms) as stack:
        async with _proxy(stack.core_url) as core, _proxy(stack.redis.url) as redis:
            outstanding, journal = Outstanding(stack.redis.url, KEYS), Journal(stack.folder)
            try:
                relays = Relays(core, redis)
                fleet = Fleet(stack, relays, _settings(options), journal)
                havoc = Havoc(stack, fleet, relays, outstanding)
                producer = Producer(outstanding, KEYS, options.seed)
                async with fleet.running(options.workers):
                    faults = plan(options.seed, options.seconds, options.workers, options.lease_s)
                    async with asyncio.TaskGroup() as group:
                        group.create_task(producer.enqueue(options.jobs, options.seconds))
                        group.create_task(havoc.wreak(faults))
                    await _quiet(outstanding)
                evidence = await _evidence(stack, fleet, outstanding, producer)
            finally:
                journal.close()
                await outstanding.close()
        wrong = broken(evidence, KEYS)
        folder = _kept(stack.folder) if wrong else None
    took_s = time.monotonic() - started
    return Outcome(options, took_s, havoc.done, evidence, wrong, folder)


@asynccontextmanager
async def _proxy(url: str) -> AsyncGenerator[Proxy]:
    proxy = Proxy(urlsplit(url).port or 0)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()


def _settings(options: Options) -> dict[str, str]:
    return {
        "WORKER_LEASE_S": f"{options.lease_s:g}",
        "WORKER_GRACE_S": "2",
        "WORKER_CONCURRENCY": "8",
        "LLM_MAX_RETRIES": "100",  # no job may end for want of attempts: none is at fault
        "CORE_MAX_RETRIES": "1000",
        "EVENTS_MAX": "1000000",  # each is evidence
    }


async def _quiet(outstanding: Outstanding) -> None:
    """Return when no stream holds anything; or after `QUIET_S`, and the verdict will tell."""
    give_up_at = time.monotonic() + QUIET_S
    while time.monotonic() < give_up_at:
        if not any(state.entries or state.pending for state in await outstanding.streams()):
            return
        await asyncio.sleep(0.1)


async def _evidence(
    stack: Stack, fleet: Fleet, outstanding: Outstanding, producer: Producer
) -> Evidence:
    logged, damning = read_logs(fleet)
    return Evidence(
        enqueued=producer.enqueued,
        core=read_core(stack.folder / "core.sqlite3"),
        bill=await read_bill(stack.model_url, fleet),
        redis=await read_redis(outstanding),
        logged=logged,
        oddities=fleet.oddities + damning,
    )


def _kept(folder: Path) -> Path:
    """A copy of the logs and the database that outlives the stack."""
    kept = Path(tempfile.mkdtemp(prefix="llm-worker-chaos-"))
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    return kept
