"""One job's whole story: where it is now, what was tried, how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from shared.redis_streams import Keys, StreamClient
from worker.operations.finding import LOOK_AT, EntryPlace, find_entries, is_entry_id
from worker.operations.fleet import read_workers
from worker.operations.next_try import next_try
from worker.operations.pluck import Plucking, Row
from worker.operations.streams import appended_at, server_now
from worker.operations.why_waiting import Around, look_around, why_waiting
from worker.steering.roster import HeldJob

EVENT_FIELDS = (
    *("event", "job_id", "job_type", "user_id", "tenant", "entry_id", "attempt", "deliveries"),
    *("worker", "after_ms", "wait_ms", "llm_ms", "deliver_ms", "reason", "cause", "at"),
)
_LETTER_FIELDS = (
    *("job_id", "dead_reason", "dead_cause", "dead_error", "dead_attempts", "dead_deliveries"),
    *("dead_stream", "dead_entry_id", "dead_at"),
)
_LETTERS_LOOKED_AT = 100_000


@dataclass(frozen=True, slots=True)
class Chapter:
    """An entry of the job in a stream, and what the worker that has it tells of it."""

    entry: EntryPlace
    told: HeldJob | None
    silent: bool
    """Whether the worker that has it has not been heard of lately."""
    next_try: str = ""
    """When it is tried again, or what it waits for, in words; empty where nobody can tell."""
    waits_because: str = ""
    """Why no worker has it; empty unless it waits."""


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of a job.

    Attributes:
        wanted: the id that was asked for.
        chapters: where it is now; two where it was enqueued twice.
        letters: its dead letters, the newest first.
        events: what was told of it, the oldest first.
        cancelled_at: when somebody cancelled it, in Unix seconds.
        looked: how many entries, letters and events were looked at.
        whole: whether those were all there are.
    """

    wanted: str
    chapters: tuple[Chapter, ...]
    letters: tuple[Row, ...]
    events: tuple[Row, ...]
    cancelled_at: float | None
    looked: int
    whole: bool

    @property
    def is_known(self) -> bool:
        """Whether anything was found."""
        return bool(self.chapters or self.letters or self.events)

    @property
    def state(self) -> str:
        """In one word: waiting, parked, running, delivering, dead, completed, gone or unknown.

        Gone: something was told of it, its end was not, and it is in no stream any more.
        """
        if self.chapters:
            return _state(self.chapters[-1])
        told = [(at(row), row.fields["event"]) for row in self.events if _is_end(row)]
        buried = [(at(row), "dead") for row in self.letters]
        if told or buried:
            return max(told + buried)[1]
        return "gone" if self.events else "unknown"


def at(row: Row) -> float:
    """When an event or a letter was written, as its writer says, or its id; Unix seconds."""
    try:
        return float(row.fields.get("at") or row.fields["dead_at"])
    except (KeyError, ValueError):
        return appended_at(row.entry_id)


async def tell_story(
    client: StreamClient, keys: Keys, wanted: str, *, look_at: int = LOOK_AT
) -> Story:
    """Look for a job by its job id or by its entry id, up to a bound."""
    search = await find_entries(client, keys, wanted, look_at=look_at)
    around = await _around(client, keys, search.places)
    by_entry = is_entry_id(wanted)
    events = Plucking(client, keys.events, EVENT_FIELDS, newest_first=True)
    letters = Plucking(
        client,
        keys.dead,
        _LETTER_FIELDS,
        newest_first=True,
        most=min(look_at, _LETTERS_LOOKED_AT),
    )
    own_events = await _own(events, wanted, "entry_id" if by_entry else "job_id")
    own_events.reverse()  # of two told at the same time the first written comes first
    own_letters = await _own(letters, wanted, "dead_entry_id" if by_entry else "job_id")
    job_id = next((place.job_id for place in search.places), wanted)
    score = cast("bytes | None", await client.execute_command("ZSCORE", keys.cancelled, job_id))
    return Story(
        wanted=wanted,
        chapters=tuple(_chapter(place, around) for place in search.places),
        letters=tuple(own_letters),
        events=tuple(sorted(own_events, key=at)),
        cancelled_at=None if score is None else float(score) / 1_000,
        looked=search.looked + events.looked + letters.looked,
        whole=search.whole and events.whole and letters.whole,
    )


async def _own(walk: Plucking, wanted: str, name: str) -> list[Row]:
    """What a stream has of a job; of one that is called like an entry, under both names."""
    walk.where = (name, wanted)
    found = [row async for row in walk.rows()]
    if not found and name != "job_id":
        walk.where, walk.looked, walk.whole = ("job_id", wanted), 0, False  # from the start
        found = [row async for row in walk.rows()]
    return found


async def _around(client: StreamClient, keys: Keys, places: Sequence[EntryPlace]) -> Around:
    """What may stand in its way, where it waits; else only who lives."""
    now = await server_now(client)
    workers = await read_workers(client, keys, now)
    waiting = [place.job_type for place in places if place.where == "waiting"]
    if not waiting:
        return Around(now, workers, {}, {})
    return await look_around(client, keys, waiting, workers, now)


def _chapter(place: EntryPlace, around: Around) -> Chapter:
    holder = next((worker for worker in around.workers if worker.name == place.holder), None)
    jobs = () if holder is None else holder.facts.jobs
    key = (place.job_type, place.entry_id)
    told = next((job for job in jobs if (job.job_type, job.entry_id) == key), None)
    silent = bool(place.holder) and (holder is None or holder.silent)
    if holder is None or told is None:
        return Chapter(place, told, silent, waits_because=why_waiting(place, around))
    return Chapter(place, told, silent, next_try(told, holder.facts, around.now, silent=silent))


def _is_end(event: Row) -> bool:
    return event.fields.get("event") in {"completed", "dead"}


def _state(chapter: Chapter) -> str:
    if chapter.entry.where == "waiting":
        return "waiting"
    if chapter.entry.recorded:
        return "delivering"
    return "parked" if chapter.told is not None and chapter.told.stage == "parked" else "running"
