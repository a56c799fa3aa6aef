"""What is written about the entries in this worker's hands, each kind gathered into few scripts."""

import asyncio

from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.gathering import Gathering
from worker.queue.job_queue import BATCH_MAX, Fields, JobQueue


class Writing:
    """Records, ticks and settles; `run` must be running for them to be answered.

    Three ways beside each other: with its memory full Redis takes settles, which make room, and no
    ticks.
    """

    def __init__(self, queue: JobQueue) -> None:
        self._records = Gathering[tuple[ClaimedEntry, bytes]](
            queue.record, doing="record", batch_max=BATCH_MAX, size=lambda write: len(write[1])
        )
        self._ticks = Gathering[tuple[ClaimedEntry, int]](
            queue.tick, doing="tick", batch_max=BATCH_MAX
        )
        self._settles = Gathering[tuple[ClaimedEntry, Fields]](
            queue.settle, doing="settle", batch_max=BATCH_MAX, ends=True
        )

    async def record(self, entry: ClaimedEntry, outcome: bytes) -> bool:
        """Write down what came of a job; False when the entry is not ours any more.

        Raises:
            Halt: Redis will never take it.
        """
        written = self._records.put((entry, outcome))
        try:
            return await asyncio.shield(written)
        except asyncio.CancelledError:
            # The answer is paid for: the entry is handed back with it, not before it. Whoever
            # cannot wait for that cancels once more.
            await asyncio.wait({written})
            raise

    async def tick(self, entry: ClaimedEntry, delivered: int) -> bool:
        """Note how many effects are delivered; False when the entry is not ours any more.

        Raises:
            Halt: Redis will never take it.
        """
        return await self._ticks.put((entry, delivered))

    async def settle(self, entry: ClaimedEntry, event: Fields) -> bool:
        """Be done with an entry, and tell the event; False when it was not ours any more.

        Raises:
            Halt: Redis will never take it.
        """
        return await self._settles.put((entry, event))

    async def run(self) -> None:
        """Send what has gathered, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for gathering in (self._records, self._ticks, self._settles):
                group.create_task(gathering.run())
