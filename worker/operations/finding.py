"""Finding a job by its id: streams know entries by theirs, so they are walked, up to a bound."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.exceptions import ResponseError

from shared.enums import JobType
from shared.redis_streams import GROUP, Keys, StreamClient, is_worker
from worker.operations.pluck import Plucking, Row

LOOK_AT = 200_000
"""Entries of each stream: half a second of the server's time, two milliseconds at a go."""


@dataclass(frozen=True, slots=True)
class EntryPlace:
    """An entry that is still in its stream.

    Attributes:
        where: `waiting` or `in_flight`.
        holder: the worker that has it.
        deliveries: how often it was handed out.
        idle_s: since its lease was taken or renewed.
        recorded: whether its outcome is written down already: then it cannot be cancelled.
    """

    job_type: str
    entry_id: str
    job_id: str
    user_id: str
    tenant: str
    deadline: str
    where: str
    holder: str
    deliveries: int
    idle_s: float
    recorded: bool


@dataclass(frozen=True, slots=True)
class Search:
    """What a walk over the streams has brought.

    Attributes:
        looked: entries that were looked at.
        whole: whether that was all of them.
    """

    places: tuple[EntryPlace, ...]
    looked: int
    whole: bool


_FIELDS = ("job_id", "user_id", "tenant", "deadline")


def is_entry_id(text: str) -> bool:
    """Whether it looks like the id of an entry, such as `1795231272936-0`; a job's id may, too."""
    return re.fullmatch(r"[0-9]{1,19}-[0-9]{1,19}", text) is not None


async def find_entries(
    client: StreamClient, keys: Keys, wanted: str, *, look_at: int = LOOK_AT
) -> Search:
    """Find a job in the streams by its job id, or by its entry id, which is quick."""
    if is_entry_id(wanted):
        places = [p for name in JobType if (p := await _by_entry_id(client, keys, name, wanted))]
        if places:
            return Search(tuple(places), len(places), whole=True)
    places: list[EntryPlace] = []
    looked, whole = 0, True
    for job_type in map(str, JobType):
        walk = Plucking(
            client, keys.stream(job_type), _FIELDS, where=("job_id", wanted), most=look_at
        )
        async for row in walk.rows():
            places.append(await _place(client, keys, job_type, row))
        looked, whole = looked + walk.looked, whole and walk.whole
    return Search(tuple(places), looked, whole)


async def _by_entry_id(
    client: StreamClient, keys: Keys, job_type: str, entry_id: str
) -> EntryPlace | None:
    stream = keys.stream(job_type)
    walk = Plucking(client, stream, _FIELDS, within=(entry_id, entry_id))
    async for row in walk.rows():
        return await _place(client, keys, job_type, row)
    return None


async def _place(client: StreamClient, keys: Keys, job_type: str, row: Row) -> EntryPlace:
    stream, entry_id, fields = keys.stream(job_type), row.entry_id, row.fields
    words = ("XPENDING", stream, GROUP, entry_id, entry_id, 1)
    try:
        reply = await client.execute_command(*words, parse_detail=True)
    except ResponseError:  # nobody has made the group yet: nothing was handed out
        reply = []
    holder, idle_ms, deliveries = "", 0, 0
    for pending in cast("Sequence[dict[str, Any]]", reply):
        holder = pending["consumer"].decode(errors="replace")
        idle_ms = int(pending["time_since_delivered"])
        deliveries = int(pending["times_delivered"])
    is_held = bool(holder) and is_worker(holder)
    recorded = await client.execute_command("HEXISTS", keys.outbox(job_type), entry_id)
    return EntryPlace(
        job_type=job_type,
        entry_id=entry_id,
        job_id=fields.get("job_id", ""),
        user_id=fields.get("user_id", ""),
        tenant=fields.get("tenant", ""),
        deadline=fields.get("deadline", ""),
        where="in_flight" if is_held else "waiting",
        holder=holder if is_held else "",
        deliveries=deliveries if is_held else 0,
        idle_s=idle_ms / 1_000 if is_held else 0.0,
        recorded=bool(recorded),
    )
