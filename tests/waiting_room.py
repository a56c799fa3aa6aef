"""Jobs of several tenants that wait for their turn, and who is taken."""

from shared.enums import JobType
from tests.builders import Streams, job_fields
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import JobQueue
from worker.queue.turns import Order

KIND = str(JobType.TEXT_TAG)
OTHER = str(JobType.FOLLOWUP)


async def add(streams: Streams, *tenants: str, job_type: str = KIND, **more: str) -> list[str]:
    """One job for each of these tenants, in this order; the entry ids."""
    made = [job_fields(JobType(job_type), tenant=tenant, **more) for tenant in tenants]
    return [await streams.add(job_type, **fields) for fields in made]


async def tenants(queue: JobQueue, count: int, order: Order | None = None) -> str:
    """The tenants of so many jobs, each taken by a claim of its own."""
    found = [await queue.claim(1, block_ms=0, order=order) for _ in range(count)]
    return "".join(entry.fields.get(b"tenant", b"-").decode() for [entry] in found)


async def rest(queue: JobQueue, order: Order | None = None) -> list[ClaimedEntry]:
    """All that is left, ten at a time."""
    found: list[ClaimedEntry] = []
    while entries := await queue.claim(10, block_ms=0, order=order):
        found += entries
    return found


async def sets_left(streams: Streams) -> list[bytes]:
    """The keys of tickets and turns."""
    return [
        *await streams.client.execute_command("KEYS", "t:tickets:*"),
        *await streams.client.execute_command("KEYS", "t:turns:*"),
    ]
