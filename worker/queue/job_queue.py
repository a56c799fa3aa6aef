"""Every Redis command the worker sends, behind verbs that speak of jobs.

The scripts in `scripts/` do the writes; each asks first whether the entry is still ours.
"""

import math
import re
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import structlog
from redis.exceptions import ResponseError

from shared.redis_streams import GROUP, HANDED_BACK, WAITING, Keys
from worker.queue.claimed_entry import ClaimedEntry, read_entry
from worker.queue.redis_clients import OUTAGE, RedisClients
from worker.queue.scripts import (
    DEAD_LETTER,
    LEAVE,
    RECLAIM,
    RECORD,
    RELEASE,
    RENEW,
    SETTLE,
    TICK,
    Argument,
    Script,
)
from worker.queue.stream_reader import StreamReader
from worker.queue.turns import Order

log = structlog.get_logger(__name__)

BATCH_MAX = 500
"""Ids in one script call; serverless Redis takes fewer than 4,000 arguments a command."""
HANDED_BACK_MS = 20 * 3_600 * 1_000
"""The idle time of an entry that was handed back on purpose is a day; no outage lasts as long."""
_RECLAIM_LATE_MS = 2_000
"""A reclaim that the server runs so long after it was meant is not run: see `reclaim.lua`."""
Fields = Mapping[str, str]
_UNPRINTABLE = re.compile(r"[\x00-\x1f]")


class JobQueue:
    """The streams of this worker's job types, seen by one consumer of the group."""

    def __init__(
        self,
        clients: RedisClients,
        keys: Keys,
        job_types: Sequence[str],
        consumer: str,
        *,
        events_kept: int = 0,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._keys = keys
        self._consumer = consumer
        self._events_kept = events_kept
        self._elapsed = elapsed
        self._is_away = False
        self._back_since = -math.inf
        self._order: list[str] = [str(job_type) for job_type in job_types]
        self._reader = StreamReader(clients, keys, self._order, consumer)

    @property
    def last_outage(self) -> float:
        """When Redis was last known to be away, on the clock of `elapsed`.

        Now, until it has answered again: the first command that gets through is too late to tell.
        """
        return self._elapsed() if self._is_away else self._back_since

    @property
    def consumer(self) -> str:
        """This worker's name in the group, unique to this start of the process."""
        return self._consumer

    # ------------------------------------------------------------------ taking work

    async def create_groups(self, job_types: Iterable[str] | None = None) -> None:
        """Make sure each stream and its group are there; started at id 0, so nothing is skipped."""
        await self._reader.create_groups(job_types)

    async def claim(
        self, room: int, *, block_ms: int, order: Order | None = None
    ) -> list[ClaimedEntry]:
        """Take new entries, never more than `room`; with none there, wait up to `block_ms`.

        In this order, or of all job types, which take turns at being first. Not to be cancelled:
        an entry whose reply nobody reads stays pending until its lease is over. `wake` ends the
        wait.
        """
        with self._noting_outages():
            return await self._reader.read(room, block_ms, order)

    async def wake(self) -> None:
        """End a blocked `claim` now, and let no later one block: the worker is stopping."""
        await self._reader.wake()

    async def nudge(self) -> None:
        """End a blocked `claim` now, if there is one; the next may block again."""
        await self._reader.nudge()

    async def reclaim(
        self, room: int, *, idle_ms: int, unanswered: Collection[str] | None = None
    ) -> list[ClaimedEntry]:
        """Take over entries whose lease nobody has renewed for `idle_ms`.

        Of the job types in `unanswered` (None: of all) any; of the others, and of tenants that are
        paused, only those that have their outcome already and need no more than delivery. Tenants
        that are not paused any more have their turns again.
        """
        more, rows = 1, list[list[Any]]()
        order = list(self._order)
        while more and not rows:
            rows, more = await self._reclaim_some(room, idle_ms, order, unanswered)
        return [read_entry(order[int(number) - 1], row) for number, *row in rows]

    async def _reclaim_some(
        self, room: int, idle_ms: int, order: Sequence[str], unanswered: Collection[str] | None
    ) -> tuple[list[list[Any]], int]:
        """Rows of entries; 1 with them where paused tenants' were in front of others, perhaps."""
        keys = [key for job_type in order for key in self._keys.waiting_room(job_type)]
        which = ["any" if unanswered is None or n in unanswered else "answered" for n in order]
        not_after_ms = await self._server_ms() + min(max(idle_ms // 3, 200), _RECLAIM_LATE_MS)
        args = [GROUP, self._consumer, idle_ms, room, not_after_ms, WAITING, *which]
        reply = await self._run(RECLAIM, [*keys, self._keys.paused], args)
        rows, ghosts, missing, more = cast("tuple[list[list[Any]], int, list[int], int]", reply)
        if ghosts:
            log.warning("ghosts_acknowledged", entries=ghosts)
        if missing:
            await self.create_groups([order[number - 1] for number in missing])
        return rows, more

    # ------------------------------------------------------------------ holding it

    async def renew(self, entries: Sequence[ClaimedEntry]) -> list[bool]:
        """Renew the leases on these entries; tells of each whether it is ours still."""
        ours: list[bool] = []
        for start in range(0, len(entries), BATCH_MAX):
            batch = entries[start : start + BATCH_MAX]
            renewals = [(entry, "") for entry in batch]
            ours += await self._still_ours(RENEW, renewals, first=[HANDED_BACK + self._consumer])
        return ours

    async def record(self, records: Sequence[tuple[ClaimedEntry, bytes]]) -> list[bool]:
        """Write down what came of up to `BATCH_MAX` jobs; tells of each whether it was ours."""
        return await self._still_ours(RECORD, records)

    async def tick(self, ticks: Sequence[tuple[ClaimedEntry, int]]) -> list[bool]:
        """Note how many effects of each are delivered; tells of each whether it was ours."""
        return await self._still_ours(TICK, ticks)

    # ------------------------------------------------------------------ letting go

    async def settle(self, settles: Sequence[tuple[ClaimedEntry, Fields]]) -> list[bool]:
        """Be done with up to `BATCH_MAX` entries; tells of each whether it was ours.

        Each comes with the event that is told to who listens; an empty one is not.
        """
        packed = [(entry, self._packed(event)) for entry, event in settles]
        return await self._still_ours(
            SETTLE, packed, last_keys=[self._keys.events], first=[self._events_kept]
        )

    async def dead_letter(
        self, entry: ClaimedEntry, letter: Fields, event: Fields | None = None, *, keep: int
    ) -> bool:
        """Move an entry to the dead letters, about `keep` of which are kept.

        Returns False when the entry is not ours any more.
        """
        keys = [*self._keys_of(entry.job_type), self._keys.dead, self._keys.events]
        origin = {
            "dead_stream": keys[0],
            "dead_entry_id": entry.entry_id,
            "dead_deliveries": str(entry.deliveries),
        }
        flat = [part for pair in (*letter.items(), *origin.items()) for part in pair]
        told = self._packed(event or {})
        args = self._args(entry, keep, self._events_kept, told, *flat)
        return bool(await self._owned(DEAD_LETTER, keys, args))

    async def release(self, entry: ClaimedEntry) -> None:
        """Hand an entry back: anybody may claim it at once, and this delivery does not count."""
        args = self._args(entry, HANDED_BACK + self._consumer)
        await self._owned(RELEASE, [self._keys.stream(entry.job_type)], args)

    async def leave(self) -> None:
        """Take this consumer out of the groups, where it holds nothing."""
        for job_type in self._order:
            await self._run(LEAVE, [self._keys.stream(job_type)], [GROUP, self._consumer])

    async def _server_ms(self) -> int:
        """The server's clock, in Unix milliseconds."""
        with self._noting_outages():
            reply = await self._clients.commands.execute_command("TIME")
        seconds, micros = cast("tuple[int, int]", reply)
        return int(seconds) * 1_000 + int(micros) // 1_000

    # ------------------------------------------------------------------ plumbing

    def _keys_of(self, job_type: str) -> list[str]:
        return [self._keys.stream(job_type), self._keys.outbox(job_type)]

    def _args(self, entry: ClaimedEntry, *more: Argument) -> list[Argument]:
        return [GROUP, self._consumer, entry.entry_id, *more]

    async def _run(self, script: Script, keys: list[str], args: Sequence[Argument]) -> Any:
        with self._noting_outages():
            return await script(self._clients.commands, keys, args)

    async def _owned(self, script: Script, keys: list[str], args: Sequence[Argument]) -> int:
        """Run a script that begins with the owner check; without a group nothing is owned."""
        try:
            return int(await self._run(script, keys, args))
        except ResponseError as error:
            if "NOGROUP" in str(error):
                return 0
            raise

    async def _still_ours(
        self,
        script: Script,
        writes: Sequence[tuple[ClaimedEntry, Argument]],
        *,
        last_keys: Sequence[str] = (),
        first: Sequence[Argument] = (),
    ) -> list[bool]:
        """Run a script over entries of any job types; tells of each whether it was ours."""
        numbers: dict[str, int] = {}
        args: list[Argument] = [GROUP, self._consumer, *first]
        for entry, value in writes:
            number = numbers.setdefault(entry.job_type, len(numbers) + 1)
            args += (number, entry.entry_id, value)
        keys = [key for name in numbers for key in self._keys_of(name)]
        lost = set(cast("list[int]", await self._run(script, [*keys, *last_keys], args)))
        return [place not in lost for place in range(1, len(writes) + 1)]

    def _packed(self, event: Fields) -> str:
        """An event as the scripts take it: parts ended by a character that none of them holds."""
        if not self._events_kept or not event:
            return ""
        parts = [part for pair in event.items() for part in pair]
        if _UNPRINTABLE.search("".join(parts)):
            parts = [_UNPRINTABLE.sub("?", part) for part in parts]
        return "\x1f".join([*parts, ""])

    @contextmanager
    def _noting_outages(self) -> Generator[None]:
        try:
            yield
        except OUTAGE:
            self._is_away = True
            raise
        if self._is_away:
            self._is_away = False
            self._back_since = self._elapsed()
