"""Small things that tests of the engine are made of."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from shared.enums import FailureReason, JobType
from shared.redis_streams import GROUP, HANDED_BACK, Keys, is_worker
from shared.schemas import LLMJobUpdate, TagsAddRequest, TaskResponse
from worker.errors import Reject
from worker.handlers.handler import Tools
from worker.job import Job
from worker.llm.chat import PreparedImage
from worker.outcome import AddTags, Completed, Effect, Failed, Outcome
from worker.parking import Parking
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.redis_clients import CommandClient

PAYLOADS: Mapping[JobType, str] = {
    JobType.IMAGE_TAG: '{"memory_id":"m1","image_path":"a.jpg"}',
    JobType.TEXT_TAG: '{"memory_id":"m1","content":"the ferry to Naxos"}',
    JobType.EMAIL_EXTRACT: '{"subject":"Dinner","body":"Tomorrow at eight"}',
    JobType.TASK_MATCH: '{"memory_id":"m1","memory_content":"paid the rent"}',
    JobType.INTENT_CLASSIFY: '{"query":"where was I in June?"}',
    JobType.FOLLOWUP: '{"message":"Met Anna"}',
    JobType.EXTRACT: '{"text":"Anna, 31","schema":{"type":"object"}}',
    JobType.DOCUMENT: '{"document_path":"a.pdf"}',
}
"""A good payload of each job type."""

Run = Callable[[Any, Tools], Awaitable[Completed]]
_numbers = itertools.count(1)


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Return once the condition holds; it is asked every 5 ms.

    Raises:
        TimeoutError: it never did.
    """
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - conditions here are not events
            await asyncio.sleep(0.005)


async def turn(times: int = 4) -> None:
    """Let every task that can go on do so."""
    for _ in range(times):
        await asyncio.sleep(0)


def job_fields(job_type: JobType = JobType.TEXT_TAG, **more: str) -> dict[str, str]:
    """The fields of a good entry; `more` adds or replaces some."""
    return {"job_id": f"j{next(_numbers)}", "payload": PAYLOADS[job_type]} | more


def claimed(
    job_type: JobType = JobType.TEXT_TAG,
    fields: Mapping[str, str] | None = None,
    **more: Any,
) -> ClaimedEntry:
    """An entry as a claim brings it; `more` is for the dataclass."""
    fields = job_fields(job_type) if fields is None else fields
    raw = {name.encode(): value.encode() for name, value in fields.items()}
    entry_id = cast("str", more.pop("entry_id", f"1700000000000-{next(_numbers)}"))
    return ClaimedEntry(str(job_type), entry_id, raw, **more)


def job(entry: ClaimedEntry | None = None, **more: Any) -> Job:
    """A job in its first moment."""
    return Job(entry or claimed(), **more)


def tagged(*memory_ids: str) -> Completed:
    """An outcome with one effect for each memory."""
    effects = tuple(AddTags(memory_id=m, body=TagsAddRequest(tags=["sea"])) for m in memory_ids)
    return Completed(result={"tags": ["sea"]}, effects=effects)


def bare(outcome: Outcome) -> Outcome:
    """The outcome without what it has cost."""
    if isinstance(outcome, Failed):
        return outcome
    result = {name: value for name, value in outcome.result.items() if name != "usage"}
    return outcome.model_copy(update={"result": result})


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a fake Core was sent: `processing`, `apply` or `finish`, and about whom."""

    verb: str
    subject: str
    key: str = ""
    update: LLMJobUpdate | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"


@dataclass(slots=True)
class FakeCore:
    """A Core that writes down what it is asked, and fails by a script."""

    failures: list[Exception | None] = field(default_factory=list[Exception | None])
    """What the next `apply` and `finish` raise, one each; None lets one through."""
    down: Exception | None = None
    """Raised by every `apply` and `finish` while it is set."""
    processing_gate: asyncio.Event | None = None
    """Holds `mark_processing` up until it is set."""
    calls: list[Call] = field(default_factory=list[Call])
    journal: list[str] = field(default_factory=list[str])
    """The same in words; a test may let others write into it."""

    @property
    def finished(self) -> list[Call]:
        """The last words, in their order."""
        return [call for call in self.calls if call.verb == "finish"]

    async def mark_processing(self, job_id: str) -> None:
        """Take the note that work has begun."""
        if self.processing_gate is not None:
            await self.processing_gate.wait()
        self._write(Call("processing", job_id))

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """Nobody has anything to do."""
        del user_id
        return []

    async def apply(self, effect: Effect, *, key: str) -> None:
        """Take an effect."""
        subject = effect.memory_id if isinstance(effect, AddTags) else effect.body.description
        await self._take(Call("apply", subject, key))

    async def finish(self, job_id: str, update: LLMJobUpdate, *, key: str) -> None:
        """Take the last word."""
        await self._take(Call("finish", f"{job_id} {update.status}", key, update))

    async def _take(self, call: Call) -> None:
        await asyncio.sleep(0)
        self._write(call)
        error = self.down or (self.failures.pop(0) if self.failures else None)
        if error is not None:
            raise error

    def _write(self, call: Call) -> None:
        self.calls.append(call)
        self.journal.append(str(call))


class QuickParking(Parking):
    """Waits are written down and not waited out: the clock of this place skips them.

    Those from `held_from_s` on, and those without an end, last until they are ended.
    """

    def __init__(
        self, held_from_s: float = 1e9, elapsed: Callable[[], float] = lambda: 0.0
    ) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._held_from_s = held_from_s
        self._elapsed = elapsed
        self._skipped_s = 0.0

    def elapsed(self) -> float:
        """Seconds on this place's clock: what has passed, and what was skipped."""
        return self._elapsed() + self._skipped_s

    async def park(self, after_s: float | None, place: asyncio.Future[None] | None = None) -> None:
        """Wait no time at all, or until the end."""
        if after_s is None:
            return await super().park(None, place)
        self.waits.append(after_s)
        if after_s >= self._held_from_s:
            return await super().park(None, place)
        await super().park(0.0, place)
        self._skipped_s += after_s
        return None


class NoImages:
    """A folder with nothing in it."""

    async def load(self, path: str) -> PreparedImage:
        """Find nothing."""
        raise Reject(FailureReason.INVALID_IMAGE, path)


@dataclass(frozen=True, slots=True)
class Streams:
    """Redis as producers and operators see it."""

    client: CommandClient
    keys: Keys

    async def add(self, job_type: JobType | str = JobType.TEXT_TAG, **fields: str) -> str:
        """XADD a good job, or exactly these fields; returns the entry id."""
        made = fields or job_fields(JobType(job_type))
        flat = [part for pair in made.items() for part in pair]
        entry_id = await self.client.execute_command("XADD", self.keys.stream(job_type), "*", *flat)
        return cast("bytes", entry_id).decode()

    async def length(self, job_type: str = JobType.TEXT_TAG) -> int:
        """How many entries a stream holds."""
        return int(await self.client.execute_command("XLEN", self.keys.stream(job_type)))

    async def pending(self, job_type: str = JobType.TEXT_TAG) -> dict[str, tuple[str, int, int]]:
        """What is handed out: entry id → consumer, idle milliseconds, deliveries."""
        rows = await self.client.execute_command(
            "XPENDING", self.keys.stream(job_type), GROUP, "-", "+", 10_000, parse_detail=True
        )
        return {
            row["message_id"].decode(): (
                row["consumer"].decode(),
                row["time_since_delivered"],
                row["times_delivered"],
            )
            for row in cast("list[dict[str, Any]]", rows)
        }

    async def lag(self, job_type: str = JobType.TEXT_TAG) -> int | None:
        """What the group has not yet handed out, as the server counts it."""
        groups = await self.client.execute_command("XINFO", "GROUPS", self.keys.stream(job_type))
        flat = cast("list[Any]", groups[0])
        return cast("int | None", dict(zip(flat[::2], flat[1::2], strict=True))[b"lag"])

    async def outbox(self, job_type: str = JobType.TEXT_TAG) -> dict[bytes, bytes]:
        """The answers on their way to Core."""
        return dict(await self.client.execute_command("HGETALL", self.keys.outbox(job_type)))

    async def dead(self) -> list[dict[str, str]]:
        """The dead letters, oldest first; a field that stands there twice has its last value."""
        rows = await self.client.execute_command("XRANGE", self.keys.dead, "-", "+")
        return [
            {name.decode(): value.decode() for name, value in fields.items()}
            for _, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", rows)
        ]

    async def events(self) -> list[dict[str, str]]:
        """The lifecycle events, oldest first."""
        rows = await self.client.execute_command("XRANGE", self.keys.events, "-", "+")
        return [
            {name.decode(): value.decode() for name, value in fields.items()}
            for _, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", rows)
        ]

    async def all_pending(self) -> dict[str, tuple[str, int, int]]:
        """What workers hold, over all streams, which may use the same ids."""
        return {
            f"{job_type} {entry_id}": row
            for job_type in JobType
            for entry_id, row in (await self.pending(job_type)).items()
            if is_worker(row[0])
        }

    async def handed_back(self) -> dict[str, tuple[str, int, int]]:
        """What waits in nobody's hands because a worker gave it back; else as `all_pending`."""
        return {
            f"{job_type} {entry_id}": row
            for job_type in JobType
            for entry_id, row in (await self.pending(job_type)).items()
            if row[0].startswith(HANDED_BACK)
        }

    async def left_over(self) -> dict[str, int]:
        """Entries and outbox keys that are still there, by key; the dead letters not counted."""
        left: dict[str, int] = {}
        for job_type in JobType:
            left[self.keys.stream(job_type)] = await self.length(job_type)
            left[self.keys.outbox(job_type)] = len(await self.outbox(job_type))
        return {key: count for key, count in left.items() if count}
