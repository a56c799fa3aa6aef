"""Jobs at a steady pace, as producers enqueue them: several types, two tenants, a bad one at times.

A job whose XADD fails is not tried again, for it may be in its stream all the same.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from redis.exceptions import OutOfMemoryError

from drills.account import Effects, Enqueued
from shared.enums import JobType
from shared.redis_streams import JobEntry, Keys, StreamClient, publish
from worker.embedded.samples import USER
from worker.queue.redis_clients import OUTAGE

TENANTS = ("acme", "globex")
_AGAIN_S = 1.0
_SORTS = {"note": 47, "query": 26, "letter": 15, "picture": 11, "bad": 1}
"""What there is, and how often in a hundred; more bad ones would raise an alert of their own."""


@dataclass(frozen=True, slots=True)
class Fed:
    """A job, and what Core has to hold of it in the end."""

    job_type: JobType
    entry: JobEntry
    wanted: Effects


def make_job(number: int, dice: random.Random) -> Fed:
    """The job of this number; its id has neither dash nor colon."""
    job_id = f"g{number}"
    payload: dict[str, Any]
    match dice.choices(list(_SORTS), list(_SORTS.values()))[0]:
        case "note":
            job_type, wanted = JobType.TEXT_TAG, Counter(add_tags=1, job_completed=1)
            payload = {"memory_id": job_id, "content": "Booked the ferry to Naxos for June"}
        case "query":
            job_type, wanted = JobType.INTENT_CLASSIFY, Counter(job_completed=1)
            payload = {"query": "Remind me when the passport expires"}
        case "letter":
            job_type, wanted = JobType.EMAIL_EXTRACT, Counter(create_event=1, job_completed=1)
            payload = {
                "subject": "Dentist",
                "body": "Hello, your appointment is on 14 December 2026 at 15:30.",
                "received_at": "2026-11-21T09:12:00+02:00",
                "timezone": "Europe/Athens",
            }
        case "picture":
            job_type, wanted = JobType.IMAGE_TAG, Counter(add_tags=1, job_completed=1)
            payload = {"memory_id": job_id, "image_path": "note.png"}
        case _:
            job_type, wanted = JobType.TEXT_TAG, Counter(job_failed=1)
            payload = {"note": "neither memory nor content"}
    entry = JobEntry(job_id, payload, user_id=USER, tenant=dice.choice(TENANTS))
    return Fed(job_type, entry, wanted)


class Feed:
    """Enqueues until it is cancelled.

    Args:
        client: of Redis, which repeats no command.
        rate: jobs a second, about.
        seed: of the jobs and the pauses between them.
    """

    def __init__(self, client: StreamClient, keys: Keys, rate: float, seed: int) -> None:
        self._client = client
        self._keys = keys
        self._rate = rate
        self._dice = random.Random(seed)  # noqa: S311 - no secret, and has to repeat
        self.enqueued = Enqueued()

    async def run(self) -> None:
        """Enqueue one after the other, also when Redis has been away."""
        number = 0
        while True:
            number += 1
            await self._enqueue(make_job(number, self._dice))
            await asyncio.sleep(self._dice.expovariate(self._rate))

    async def _enqueue(self, job: Fed) -> None:
        job_id = job.entry.job_id
        self.enqueued.unsure[job_id] = job.wanted  # until Redis has answered; we may be cancelled
        try:
            await publish(self._client, self._keys, job.job_type, job.entry)
        except OutOfMemoryError:
            del self.enqueued.unsure[job_id]
            self.enqueued.refused += 1
        except OUTAGE:
            await asyncio.sleep(_AGAIN_S)
        else:
            self.enqueued.jobs[job_id] = self.enqueued.unsure.pop(job_id)
