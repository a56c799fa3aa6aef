"""The queue's writes, which take many at once, for a single one: tests that tell of one entry."""

from collections.abc import Sequence

from tests.builders import Streams
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import Fields, JobQueue

KIND = "text_tag"


async def one_claimed(queue: JobQueue, streams: Streams, **fields: str) -> ClaimedEntry:
    """An entry in this worker's hands, of the type `KIND`."""
    await streams.add(KIND, **fields)
    [entry] = await queue.claim(1, block_ms=0)
    return entry


async def record(queue: JobQueue, entry: ClaimedEntry, outcome: bytes) -> bool:
    """Record; whether the entry was ours."""
    [ours] = await queue.record([(entry, outcome)])
    return ours


async def tick(queue: JobQueue, entry: ClaimedEntry, delivered: int) -> bool:
    """Tick; whether the entry was ours."""
    [ours] = await queue.tick([(entry, delivered)])
    return ours


async def settle(queue: JobQueue, *entries: ClaimedEntry, event: Fields | None = None) -> set[str]:
    """Settle these entries, each with the same event; the ids of those that were not ours."""
    ours = await queue.settle([(entry, event or {}) for entry in entries])
    return _lost(entries, ours)


async def renew(queue: JobQueue, *entries: ClaimedEntry) -> set[str]:
    """Renew these leases; the ids of the entries that are not ours."""
    return _lost(entries, await queue.renew(entries))


def _lost(entries: Sequence[ClaimedEntry], ours: Sequence[bool]) -> set[str]:
    pairs = zip(entries, ours, strict=True)
    return {entry.entry_id for entry, is_ours in pairs if not is_ours}
