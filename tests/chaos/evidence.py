"""What is left when a run is over: in Core's database, Redis, the model's tally and the logs."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import aiohttp

from shared import JobStatus
from tests.chaos.fleet import Fleet
from tests.chaos.jobs import Enqueued
from tests.chaos.log_lines import says
from tests.chaos.outstanding import Outstanding, StreamState

_COUNTED = ("reclaimed", "lease_lost", "handed_back", "job_retry", "delivery_retry")
_EXPECTED_ERROR = "job_dead"


@dataclass(frozen=True, slots=True)
class CoreJob:
    """A job as Core has it."""

    status: JobStatus
    ends: int
    """How often it came to an end."""


@dataclass(frozen=True, slots=True)
class CoreRecords:
    """Core's database."""

    jobs: dict[str, CoreJob]
    effects: dict[str, Counter[str]]
    """How often each kind of effect was applied, by job id."""
    events: Counter[str]
    """How often each event is there, by its description."""


@dataclass(frozen=True, slots=True)
class ModelBill:
    """What the model was asked, by job id."""

    calls: Counter[str]
    refused: Counter[str]
    """Calls among them that were answered with 503: nothing was paid for these."""
    excused: Counter[str]
    """Inferences that a fault cut off, each a reason to ask once more."""

    def unexplained(self) -> dict[str, int]:
        """Answers paid for again without a reason, by job id."""
        paid = {job: n - self.refused[job] for job, n in self.calls.items()}
        extra = {job: n - 1 - self.excused[job] for job, n in paid.items()}
        return {job: n for job, n in extra.items() if n > 0}

    @property
    def extra(self) -> int:
        """Answers paid for beyond the first of each job."""
        return sum(max(0, n - self.refused[job] - 1) for job, n in self.calls.items())


@dataclass(frozen=True, slots=True)
class RedisLeft:
    """What Redis still holds."""

    streams: list[StreamState]
    keys: list[str]
    dead_jobs: list[str]
    """The job ids of the dead letters."""
    told: Counter[str]
    """How often the end of each job was told, by job id."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a verdict needs."""

    enqueued: Enqueued
    core: CoreRecords
    bill: ModelBill
    redis: RedisLeft
    logged: Counter[str]
    """How often the workers logged what is worth counting."""
    oddities: list[str]
    """Log lines and ends of processes that must not be."""


def read_core(file: Path) -> CoreRecords:
    """Core's records out of its SQLite file, while Core may be writing to it."""
    with closing(sqlite3.connect(file, timeout=10)) as database:
        jobs = {
            str(job_id): CoreJob(JobStatus(status), ends)
            for job_id, status, ends in database.execute(
                "SELECT job_id, status, final_count FROM llm_jobs"
            )
        }
        effects: dict[str, Counter[str]] = {}
        keyed = "SELECT key, kind, count FROM effects_applied WHERE key != ''"
        for key, kind, count in database.execute(keyed):
            effects.setdefault(key.partition(":")[0], Counter())[kind] += count
        described = "SELECT description, count(*) FROM events GROUP BY description"
        events = Counter(dict(cast("list[tuple[str, int]]", database.execute(described))))
    return CoreRecords(jobs, effects, events)


async def read_bill(model_url: str, fleet: Fleet) -> ModelBill:
    """The model stand-in's own count of calls, and what the relays and faults have seen."""
    async with aiohttp.ClientSession() as http, http.get(f"{model_url}/stats") as response:
        by_request: dict[str, int] = (await response.json())["by_request_id"]
    calls: Counter[str] = Counter()
    for request_id, count in by_request.items():
        calls[request_id.partition("-")[0]] += count
    refused = sum((seat.calls.refused for seat in fleet.seats), Counter[str]())
    return ModelBill(calls, refused, fleet.excused)


async def read_redis(outstanding: Outstanding) -> RedisLeft:
    """What is left in Redis."""
    return RedisLeft(
        streams=await outstanding.streams(),
        keys=await outstanding.keys_left(),
        dead_jobs=await outstanding.dead_jobs(),
        told=Counter(await outstanding.told_jobs()),
    )


def read_logs(fleet: Fleet) -> tuple[Counter[str], list[str]]:
    """The counted events of all workers, and the lines that no worker may ever write.

    Those are tracebacks and errors (`worker_bug`, `crashed`, `halted` …) but for dead letters.
    """
    logged: Counter[str] = Counter()
    damning: list[str] = []
    for seat in fleet.seats:
        for line in seat.log():
            logged.update(event for event in _COUNTED if says(line, "event", event))
            is_error = says(line, "level", "error") or says(line, "level", "critical")
            is_expected = says(line, "event", _EXPECTED_ERROR)
            if "Traceback" in line or (is_error and not is_expected):
                damning.append(f"{seat.service.name}: {line.strip()[:2_000]}")
    return logged, damning
