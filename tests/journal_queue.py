"""A queue of the real kind that writes its writes into a journal, and can lose a lease on cue."""

from collections.abc import Sequence

from shared.enums import JobType
from shared.redis_streams import GROUP, Keys
from tests.builders import Streams
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import Fields, JobQueue
from worker.queue.redis_clients import RedisClients


class JournalQueue(JobQueue):
    """Writes into a journal what it is asked to do; may lose the lease before one of these."""

    def __init__(self, clients: RedisClients, keys: Keys, journal: list[str]) -> None:
        super().__init__(clients, keys, [JobType.TEXT_TAG], "me")
        self._journal = journal
        self._streams = Streams(clients.commands, keys)
        self.lose_before = ""

    async def _note(self, words: str) -> None:
        self._journal.append(words)
        if words == self.lose_before:
            stream = self._streams.keys.stream(JobType.TEXT_TAG)
            for entry_id in await self._streams.pending():
                await self._streams.client.execute_command(
                    "XCLAIM", stream, GROUP, "other", 0, entry_id
                )

    async def record(self, records: Sequence[tuple[ClaimedEntry, bytes]]) -> list[bool]:
        """Record."""
        await self._note("record")
        return await super().record(records)

    async def tick(self, ticks: Sequence[tuple[ClaimedEntry, int]]) -> list[bool]:
        """Tick."""
        await self._note(f"tick {', '.join(str(delivered) for _, delivered in ticks)}")
        return await super().tick(ticks)

    async def settle(self, settles: Sequence[tuple[ClaimedEntry, Fields]]) -> list[bool]:
        """Settle."""
        await self._note("settle")
        return await super().settle(settles)

    async def dead_letter(
        self, entry: ClaimedEntry, letter: Fields, event: Fields | None = None, *, keep: int
    ) -> bool:
        """Dead letter."""
        await self._note("dead letter")
        return await super().dead_letter(entry, letter, event, keep=keep)
