"""The jobs of a run, and what has to become of each."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from shared import JobEntry, JobType, Keys, encode_entry
from tests.chaos.outstanding import Outstanding
from worker.queue.redis_clients import OUTAGE


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job's only right end: these effects in Core, each once, and nothing else."""

    effects: Counter[str]

    @property
    def completes(self) -> bool:
        """Whether it ends as completed, not as a dead letter."""
        return "job_completed" in self.effects


@dataclass(frozen=True, slots=True)
class ChaosJob:
    """One job."""

    job_id: str
    job_type: JobType
    payload: dict[str, Any]
    wanted: Wanted


def make_job(number: int, dice: random.Random) -> ChaosJob:
    """A job of one of four sorts, most of them with effects; its id has no dash."""
    job_id = f"c{number}"
    match dice.choices(("email", "note", "query", "bad"), (50, 30, 15, 5))[0]:
        case "email":
            payload = {
                "subject": f"Dentist and concert, letter {job_id}",
                "body": f"Hello, the dentist of {job_id} is on 14 December 2026 at 15:30. "
                f"The concert of {job_id} is on 18 December 2026 at 19:00.",
                "received_at": "2026-11-21T09:12:00+02:00",
                "timezone": "Europe/Athens",
            }
            wanted = Wanted(Counter(create_event=2, job_completed=1))
            return ChaosJob(job_id, JobType.EMAIL_EXTRACT, payload, wanted)
        case "note":
            payload = {"memory_id": job_id, "content": "Booked the ferry to Naxos for June"}
            wanted = Wanted(Counter(add_tags=1, job_completed=1))
            return ChaosJob(job_id, JobType.TEXT_TAG, payload, wanted)
        case "query":
            wanted = Wanted(Counter(job_completed=1))
            payload = {"query": "Remind me when the passport expires"}
            return ChaosJob(job_id, JobType.INTENT_CLASSIFY, payload, wanted)
        case _:
            return ChaosJob(job_id, JobType.TEXT_TAG, {}, Wanted(Counter(job_failed=1)))


@dataclass(slots=True)
class Enqueued:
    """What the producer knows."""

    jobs: dict[str, ChaosJob] = field(default_factory=dict[str, ChaosJob])
    """Jobs whose entry Redis has confirmed."""
    unsure: set[str] = field(default_factory=set[str])
    """Jobs whose XADD got no reply: perhaps they are there, perhaps not."""


class Producer:
    """Appends jobs at an even pace."""

    def __init__(self, outstanding: Outstanding, keys: Keys, seed: int) -> None:
        self._outstanding = outstanding
        self._keys = keys
        self._dice = random.Random(seed)
        self._number = 0
        self.enqueued = Enqueued()

    async def enqueue(self, count: int, seconds: float) -> None:
        """Append jobs until `count` are confirmed, spread over the time as well as Redis allows."""
        started = time.monotonic()
        while len(self.enqueued.jobs) < count:
            due_s = len(self.enqueued.jobs) / count * seconds
            await asyncio.sleep(max(0.0, started + due_s - time.monotonic()))
            self._number += 1
            await self._append(make_job(self._number, self._dice))

    async def _append(self, job: ChaosJob) -> None:
        entry = encode_entry(JobEntry(job.job_id, job.payload, user_id=42))
        flat = [part for pair in entry.items() for part in pair]
        stream = self._keys.stream(job.job_type)
        try:
            await self._outstanding.command_once("XADD", stream, "*", *flat)
        except OUTAGE:
            self.enqueued.unsure.add(job.job_id)
            await asyncio.sleep(0.1)
        else:
            self.enqueued.jobs[job.job_id] = job
