"""Every Redis command the worker sends, behind verbs that speak of jobs.

The scripts in `scripts/` do the writes; each asks first whether the entry is still ours.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog
from redis.exceptions import ResponseError

from shared.redis_streams import GROUP, Keys, create_consumer_group
from worker.redis_clients import RedisClients
from worker.scripts import (
    CLAIM,
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

log = structlog.get_logger(__name__)

BATCH_MAX = 500
"""Ids in one script call; serverless Redis takes fewer than 4,000 arguments a command."""
_SHORT_BLOCK_MS = 200


@dataclass(frozen=True, slots=True)
class ClaimedEntry:
    """An entry of a stream that was handed to this worker; the lease on it has begun."""

    job_type: str
    entry_id: str
    fields: Mapping[bytes, bytes]
    deliveries: int = 1
    """How often the stream has handed it out, this time included."""
    outcome: bytes | None = None
    """What an earlier worker recorded before it died."""
    delivered: int = 0
    """How many of that outcome's effects it had delivered."""

    @property
    def enqueued_s(self) -> float:
        """When it was appended, in Unix seconds (its id says so)."""
        return int(self.entry_id.partition("-")[0]) / 1_000


class JobQueue:
    """The streams of this worker's job types, seen by one consumer of the group."""

    def __init__(
        self, clients: RedisClients, keys: Keys, job_types: Sequence[str], consumer: str
    ) -> None:
        self._clients = clients
        self._keys = keys
        self._consumer = consumer
        self._order: list[str] = [str(job_type) for job_type in job_types]
        self._reader_id: int | None = None
        self._woken = False

    @property
    def consumer(self) -> str:
        """This worker's name in the group, unique to this start of the process."""
        return self._consumer

    # ------------------------------------------------------------------ taking work

    async def create_groups(self, job_types: Iterable[str] | None = None) -> None:
        """Make sure each stream and its group are there; started at id 0, so nothing is skipped."""
        for job_type in self._order if job_types is None else job_types:
            stream = self._keys.stream(job_type)
            if await create_consumer_group(self._clients.commands, stream):
                log.info("group_created", stream=stream, group=GROUP)

    async def claim(self, room: int, *, block_ms: int) -> list[ClaimedEntry]:
        """Take new entries, never more than `room`; with none there, wait up to `block_ms`.

        The streams take turns at being first. Not to be cancelled: an entry whose reply nobody
        reads stays pending until its lease is over. `wake` ends the wait.
        """
        self._order.append(self._order.pop(0))
        taken = await self._claim_now(room)
        if taken or block_ms <= 0:
            return taken
        return await self._claim_blocked(room, block_ms)

    async def _claim_now(self, room: int) -> list[ClaimedEntry]:
        order = list(self._order)
        reply = await CLAIM(
            self._clients.reader,
            [self._keys.stream(job_type) for job_type in order],
            [GROUP, self._consumer, room],
        )
        rows, missing = cast("tuple[list[Any], list[int]]", reply)
        if missing:
            await self.create_groups([order[number - 1] for number in missing])
        return [
            ClaimedEntry(order[int(n) - 1], id_.decode(), _pairs(flat)) for n, id_, flat in rows
        ]

    async def _claim_blocked(self, room: int, block_ms: int) -> list[ClaimedEntry]:
        # A blocked read can bring one entry per stream, so with little room fewer are listened to,
        # and not for long: the others have their turn next.
        listened = self._order[:room]
        if len(listened) < len(self._order):
            block_ms = min(block_ms, _SHORT_BLOCK_MS)
        by_stream = {self._keys.stream(job_type): job_type for job_type in listened}
        reader = self._clients.reader
        self._reader_id = int(await reader.execute_command("CLIENT", "ID"))
        try:
            if self._woken:
                return []
            reply = await reader.execute_command(
                *("XREADGROUP", "GROUP", GROUP, self._consumer, "COUNT", 1, "BLOCK", block_ms),
                *("STREAMS", *by_stream, *([">"] * len(by_stream))),
            )
        except ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            await self.create_groups()
            return []
        finally:
            self._reader_id = None
        streams = cast("dict[bytes, list[tuple[bytes, dict[bytes, bytes]]]]", reply or {})
        return [
            ClaimedEntry(by_stream[stream.decode()], entry_id.decode(), fields)
            for stream, entries in streams.items()
            for entry_id, fields in entries
        ]

    async def wake(self) -> None:
        """End a blocked `claim` now, and let no later one block: the worker is stopping.

        What it had already been given still reaches its caller.
        """
        self._woken = True
        while (reader_id := self._reader_id) is not None:
            if await self._clients.commands.execute_command("CLIENT", "UNBLOCK", reader_id):
                return
            await asyncio.sleep(0.01)  # this came before the read, which is still on its way

    async def reclaim(self, room: int, *, idle_ms: int) -> list[ClaimedEntry]:
        """Take over entries whose lease nobody has renewed for `idle_ms`."""
        order = list(self._order)
        keys = [
            key
            for job_type in order
            for key in (self._keys.stream(job_type), self._keys.outbox(job_type))
        ]
        reply = await self._run(RECLAIM, keys, [GROUP, self._consumer, idle_ms, room])
        rows, ghosts, missing = cast("tuple[list[Any], int, list[int]]", reply)
        if ghosts:
            log.warning("ghosts_acknowledged", entries=ghosts)
        if missing:
            await self.create_groups([order[number - 1] for number in missing])
        return [
            ClaimedEntry(
                job_type=order[int(number) - 1],
                entry_id=entry_id.decode(),
                fields=_pairs(flat),
                deliveries=deliveries,
                outcome=outcome,
                delivered=int(delivered or 0),
            )
            for number, entry_id, flat, deliveries, outcome, delivered in rows
        ]

    # ------------------------------------------------------------------ holding it

    async def renew(self, job_type: str, entry_ids: Sequence[str]) -> set[str]:
        """Renew the leases on these entries; returns those that are not ours any more."""
        lost: set[str] = set()
        for start in range(0, len(entry_ids), BATCH_MAX):
            lost |= await self._by_ids(
                RENEW, [self._keys.stream(job_type)], entry_ids[start : start + BATCH_MAX]
            )
        return lost

    async def record(self, entry: ClaimedEntry, outcome: bytes) -> bool:
        """Write down what came of a job; False when the entry is not ours any more."""
        return bool(await self._owned(RECORD, self._job_keys(entry), self._args(entry, outcome)))

    async def tick(self, entry: ClaimedEntry, delivered: int) -> bool:
        """Note how many effects are delivered; False when the entry is not ours any more."""
        return bool(await self._owned(TICK, self._job_keys(entry), self._args(entry, delivered)))

    # ------------------------------------------------------------------ letting go

    async def settle(self, job_type: str, entry_ids: Sequence[str]) -> set[str]:
        """Be done with up to `BATCH_MAX` entries; returns those that were not ours any more."""
        keys = [self._keys.stream(job_type), self._keys.outbox(job_type)]
        return await self._by_ids(SETTLE, keys, entry_ids)

    async def dead_letter(
        self, entry: ClaimedEntry, letter: Mapping[str, str], *, keep: int
    ) -> bool:
        """Move an entry to the dead letters, about `keep` of which are kept.

        Returns False when the entry is not ours any more.
        """
        keys = [*self._job_keys(entry), self._keys.dead]
        origin = {
            "dead_stream": keys[0],
            "dead_entry_id": entry.entry_id,
            "dead_deliveries": str(entry.deliveries),
        }
        flat = [part for pair in (*letter.items(), *origin.items()) for part in pair]
        return bool(await self._owned(DEAD_LETTER, keys, self._args(entry, keep, *flat)))

    async def release(self, entry: ClaimedEntry) -> None:
        """Hand an entry back: anybody may claim it at once, and this delivery does not count."""
        await self._owned(RELEASE, [self._keys.stream(entry.job_type)], self._args(entry))

    async def leave(self) -> None:
        """Take this consumer out of the groups, where it holds nothing."""
        for job_type in self._order:
            await self._run(LEAVE, [self._keys.stream(job_type)], [GROUP, self._consumer])

    async def ping(self) -> None:
        """Ask Redis for a sign of life."""
        await self._clients.commands.execute_command("PING")

    # ------------------------------------------------------------------ plumbing

    def _job_keys(self, entry: ClaimedEntry) -> list[str]:
        return [self._keys.stream(entry.job_type), self._keys.outbox(entry.job_type)]

    def _args(self, entry: ClaimedEntry, *more: Argument) -> list[Argument]:
        return [GROUP, self._consumer, entry.entry_id, *more]

    async def _run(self, script: Script, keys: list[str], args: Sequence[Argument]) -> Any:
        return await script(self._clients.commands, keys, args)

    async def _owned(self, script: Script, keys: list[str], args: Sequence[Argument]) -> int:
        """Run a script that begins with the owner check; without a group nothing is owned."""
        try:
            return int(await self._run(script, keys, args))
        except ResponseError as error:
            if "NOGROUP" in str(error):
                return 0
            raise

    async def _by_ids(self, script: Script, keys: list[str], entry_ids: Sequence[str]) -> set[str]:
        try:
            lost = await self._run(script, keys, [GROUP, self._consumer, *entry_ids])
        except ResponseError as error:
            if "NOGROUP" in str(error):
                return set(entry_ids)
            raise
        return {entry_id.decode() for entry_id in cast("list[bytes]", lost)}


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
