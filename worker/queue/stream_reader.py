"""New entries off the streams, on a connection of its own that is never cut off while it reads."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, cast

import structlog
from redis.exceptions import ResponseError

from shared.redis_streams import GROUP, WAITING, Keys, create_consumer_group
from worker.queue.claimed_entry import ClaimedEntry, read_entry
from worker.queue.redis_clients import RedisClients, insist
from worker.queue.scripts import ARRIVE, CLAIM
from worker.queue.turns import Order

log = structlog.get_logger(__name__)

_SHORT_BLOCK_MS = 200
_ROOM_MAX = 1_000
_SORTED_AT_ONCE = 500
"""So many new entries keep the server busy for some 3 ms."""
_SORTS_MAX = 20
"""Calls that only sort, before something is taken: a backlog comes in with 10,000 a claim."""


class StreamReader:
    """Reads the streams of some job types as one consumer of the group."""

    def __init__(
        self, clients: RedisClients, keys: Keys, job_types: Sequence[str], consumer: str
    ) -> None:
        self._clients = clients
        self._keys = keys
        self._consumer = consumer
        self._order = list(job_types)
        self._reader_id: int | None = None
        self._woken = self._nudged = False

    async def create_groups(self, job_types: Iterable[str] | None = None) -> None:
        """Make sure each stream and its group are there; started at id 0, so nothing is skipped."""
        for job_type in self._order if job_types is None else job_types:
            stream = self._keys.stream(job_type)
            if await create_consumer_group(self._clients.commands, stream):
                log.info("group_created", stream=stream, group=GROUP)

    async def read(self, room: int, block_ms: int, order: Order | None) -> list[ClaimedEntry]:
        """Take new entries, never more than `room`; with none there, wait up to `block_ms`.

        In this order, or of all job types, which take turns at being first.
        """
        self._nudged = False
        self._order.append(self._order.pop(0))
        if order is None:
            order = Order(dict.fromkeys(self._order, 0))
        if not order.shares:
            return []
        taken, is_all = await self._read_now(min(room, _ROOM_MAX), order)
        if taken or not is_all or block_ms <= 0:
            return taken
        listened = [name for name in self._order if name in order.shares]
        return await self._read_blocked(room, listened, block_ms)

    async def wake(self) -> None:
        """End a blocked read now, and let no later one block: the worker is stopping.

        What it had already been given still reaches its caller.
        """
        self._woken = True
        await self._unblock()

    async def nudge(self) -> None:
        """End the read that goes on, if there is one: what it listens to has changed."""
        self._nudged = True
        await self._unblock()

    async def _unblock(self) -> None:
        while (reader_id := self._reader_id) is not None:
            if await self._clients.commands.execute_command("CLIENT", "UNBLOCK", reader_id):
                return
            await asyncio.sleep(0.01)  # this came before the read, which is still on its way

    async def _read_now(self, room: int, order: Order) -> tuple[list[ClaimedEntry], bool]:
        """What there is; False with it when there may be more that was not looked at."""
        names = list(order.shares)
        keys = [key for name in names for key in self._keys.waiting_room(name)]
        more = 1
        for sorts_left in range(_SORTS_MAX, -1, -1):
            args = (room, order.lookahead, _SORTED_AT_ONCE, min(sorts_left, 1))
            reply = await CLAIM(
                self._clients.reader,
                [*keys, self._keys.paused],
                [GROUP, self._consumer, WAITING, *args, *order.shares.values()],
            )
            rows, missing, more, ghosts = cast("tuple[list[list[Any]], list[int], int, int]", reply)
            if ghosts:
                log.warning("ghosts_acknowledged", entries=ghosts)
            if missing:
                await self.create_groups([names[number - 1] for number in missing])
            if rows or not more or self._woken:
                return [read_entry(names[int(number) - 1], row) for number, *row in rows], not more
        return [], False

    async def _read_blocked(self, room: int, order: list[str], block_ms: int) -> list[ClaimedEntry]:
        # A blocked read can bring one entry per stream, so with little room fewer are listened to,
        # and not for long: the others have their turn next.
        listened = order[:room]
        if len(listened) < len(order):
            block_ms = min(block_ms, _SHORT_BLOCK_MS)
        by_stream = {self._keys.stream(job_type): job_type for job_type in listened}
        reader = self._clients.reader
        self._reader_id = int(await reader.execute_command("CLIENT", "ID"))
        try:
            if self._woken or self._nudged:
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
        arrived = [
            await self._arrived(by_stream[stream.decode()], entry_id.decode(), fields)
            for stream, entries in streams.items()
            for entry_id, fields in entries
        ]
        return [entry for entry in arrived if entry is not None]

    async def _arrived(
        self, job_type: str, entry_id: str, fields: dict[bytes, bytes]
    ) -> ClaimedEntry | None:
        """As in `claim.lua`: new to the group need not be new to the world, nor anybody's turn."""
        keys = [*self._keys.waiting_room(job_type), self._keys.paused]
        args = (GROUP, self._consumer, WAITING, entry_id)
        # Insisted on: an error here would leave what was just read pending to nobody.
        reply = await insist(lambda: ARRIVE(self._clients.commands, keys, args), doing="look at it")
        if reply is None:
            return None
        outcome, delivered = cast("list[bytes | None]", reply)
        return ClaimedEntry(job_type, entry_id, fields, 1, outcome, int(delivered or 0))
