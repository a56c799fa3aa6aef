"""The jobs that something was told of lately, by `<prefix>:events`."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.events import EventName
from shared.redis_streams import Keys, StreamClient
from worker.operations.pluck import Plucking, Row
from worker.operations.story import EVENT_FIELDS, at

_ENDS = frozenset(name for name in EventName if name.is_end)
_EVENTS_LOOKED_AT = 400
"""A job leaves four or more of them."""


@dataclass(frozen=True, slots=True)
class RecentJob:
    """What is known of a job from its latest events.

    Attributes:
        event: the last that was told.
        at: when, in Unix seconds.
        why: the reason and the cause, where it was a failure.
        wait_ms, llm_ms, deliver_ms: text as it was told; empty where it was not.
    """

    job_id: str
    entry_id: str
    job_type: str
    tenant: str
    event: str
    at: float
    attempt: str
    worker: str
    why: str
    wait_ms: str
    llm_ms: str
    deliver_ms: str


async def read_recent(client: StreamClient, keys: Keys, most: int = 25) -> tuple[RecentJob, ...]:
    """So many jobs, the one of which was told last first."""
    walk = Plucking(client, keys.events, EVENT_FIELDS, newest_first=True, most=_EVENTS_LOOKED_AT)
    return latest([row async for row in walk.rows()], most)


def latest(events: Sequence[Row], most: int) -> tuple[RecentJob, ...]:
    """The jobs that these events are of; they may come in any order."""
    known: dict[tuple[str, str], dict[str, str]] = {}
    moments: dict[tuple[str, str], float] = {}
    # Of the same moment the one with the higher id comes last: the walk was from the newest on.
    oldest_first = events[::-1]
    for row in sorted(oldest_first, key=_place):
        key = (row.fields.get("job_type", ""), row.fields.get("entry_id", ""))
        known.setdefault(key, {}).update(row.fields)
        moments[key] = at(row)
    order = sorted(moments, key=lambda key: -moments[key])
    return tuple(_job(known[key], moments[key]) for key in order[:most])


def _place(event: Row) -> tuple[bool, float]:
    """Nothing comes after an end, though what was told over another connection may be later."""
    return event.fields.get("event") in _ENDS, at(event)


def _job(told: dict[str, str], at: float) -> RecentJob:
    failed = told.get("event") in {"retried", "failed", "dead"}
    why = ", ".join(filter(None, (told.get("reason"), told.get("cause")))) if failed else ""
    return RecentJob(
        job_id=told.get("job_id", ""),
        entry_id=told.get("entry_id", ""),
        job_type=told.get("job_type", ""),
        tenant=told.get("tenant", ""),
        event=told.get("event", ""),
        at=at,
        attempt=told.get("attempt", ""),
        worker=told.get("worker", ""),
        why=why,
        wait_ms=told.get("wait_ms", ""),
        llm_ms=told.get("llm_ms", ""),
        deliver_ms=told.get("deliver_ms", ""),
    )
