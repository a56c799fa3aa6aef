"""How a job looks in Redis: stream names, entry fields, the producer's one command.

    <prefix>:<job_type>          one stream per job type, e.g. `llm:text_tag`
    <prefix>:dead                the dead letters
    <prefix>:outbox:<job_type>   answers that are not yet delivered (a hash)
    <prefix>:tickets:<job_type>  what waits for its turn, by tenant and deadline (a sorted set)
    <prefix>:turns:<job_type>    whose turn it is (a sorted set of tenants)
    <prefix>:events              lifecycle events, capped
    <prefix>:tokens:<provider>:<YYYY-MM-DD>   tokens used that day (UTC), a number that expires
    <prefix>:limits:<server>     what each worker uses of a model server now (a hash that expires)
    <prefix>:workers             what each worker tells of itself (a hash of JSON, by consumer)
    <prefix>:paused              job types and tenants that are not to be taken (a hash of JSON)
    <prefix>:cancelled           job ids, each with when it was cancelled (a sorted set, Unix ms)
    <prefix>:control             a channel: whoever hears of it looks at the last two again

A prefix in braces (`{llm}`) puts every key in one Redis Cluster slot.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, cast

from shared.enums import FailureReason, JobType

GROUP = "llm-worker-group"
WAITING = "~waiting"
"""The consumer that entries are pending to while they wait for their turn; no worker's name."""
HANDED_BACK = "~handed-back:"
"""Before a worker's name: the consumer that entries are pending to once it has handed them back."""
JOB_ID_MAX_CHARS = 200
_JOB_ID = re.compile(r"(?!\.{1,2}\Z)[^/?#\s\x00-\x1f\x7f-\x9f]+")  # '.', '..' are path steps
_USER_ID = re.compile(r"-?[0-9]{1,19}")
_USER_ID_MAX = 2**63 - 1
_KNOWN_FIELDS = frozenset(
    name.encode()
    for name in ("job_id", "payload", "user_id", "deadline", "tenant", "traceparent", "tracestate")
)


def is_worker(consumer: str) -> bool:
    """Whether what is pending to this consumer is in a worker's hands; else it waits."""
    return consumer != WAITING and not consumer.startswith(HANDED_BACK)


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of every key under one prefix (`LLM_STREAM_PREFIX`)."""

    prefix: str = "llm"

    def stream(self, job_type: JobType | str) -> str:
        """The stream that jobs of this type are appended to."""
        return f"{self.prefix}:{job_type}"

    def outbox(self, job_type: JobType | str) -> str:
        """The hash of answers of this job type that Core has not got yet."""
        return f"{self.prefix}:outbox:{job_type}"

    def tickets(self, job_type: JobType | str) -> str:
        """The sorted set of what waits for its turn, where more waits than there is room for."""
        return f"{self.prefix}:tickets:{job_type}"

    def turns(self, job_type: JobType | str) -> str:
        """The sorted set of those tenants whose jobs wait, by the jobs of theirs that have run."""
        return f"{self.prefix}:turns:{job_type}"

    def tokens(self, provider: str, day: str) -> str:
        """The number of tokens that all workers have used of this provider on a day.

        Args:
            provider: such as `openai`.
            day: in UTC, such as `2026-11-21`.
        """
        return f"{self.prefix}:tokens:{provider}:{day}"

    def limits(self, server: str) -> str:
        """The hash of what each worker uses of a model server now.

        Args:
            server: a short name that stands for its address.
        """
        return f"{self.prefix}:limits:{server}"

    def waiting_room(self, job_type: JobType | str) -> tuple[str, str, str, str]:
        """Where jobs of this type are until they are done: its stream, outbox, tickets, turns."""
        return (
            *(self.stream(job_type), self.outbox(job_type)),
            *(self.tickets(job_type), self.turns(job_type)),
        )

    @property
    def events(self) -> str:
        """The stream of lifecycle events: what became of which job, for who wants to know."""
        return f"{self.prefix}:events"

    @property
    def dead(self) -> str:
        """The stream of dead letters."""
        return f"{self.prefix}:dead"

    @property
    def workers(self) -> str:
        """The hash of what each worker tells of itself."""
        return f"{self.prefix}:workers"

    @property
    def paused(self) -> str:
        """The hash of what is not to be taken: `type:image_tag`, `tenant:acme`."""
        return f"{self.prefix}:paused"

    @property
    def cancelled(self) -> str:
        """The sorted set of cancelled jobs: what was appended before that moment is not run."""
        return f"{self.prefix}:cancelled"

    def signed_out(self, session: str) -> str:
        """What says that a session of the page, by its name, has ended before its time."""
        return f"{self.prefix}:signed-out:{session}"

    @property
    def control(self) -> str:
        """The channel on which workers hear that somebody has paused or cancelled something."""
        return f"{self.prefix}:control"


@dataclass(frozen=True, slots=True)
class JobEntry:
    """A job as it stands in its stream, read but not yet held against its type's schema."""

    job_id: str
    payload: dict[str, Any]
    user_id: int | None = None
    deadline: float | None = None
    """Unix seconds."""
    tenant: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    extra: dict[str, str] = field(default_factory=dict[str, str])
    """Fields nobody here knows; kept, and copied into a dead letter."""


class EntryError(ValueError):
    """An entry that is no job.

    Attributes:
        reason: what the dead letter will say.
        job_id: the job's id where it could be read, for the PATCH that tells Core.
    """

    def __init__(self, reason: FailureReason, message: str, job_id: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.job_id = job_id


class StreamClient(Protocol):
    """The part of `redis.asyncio.Redis` that producers need."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""
        ...


def encode_entry(entry: JobEntry) -> dict[str, str]:
    """The fields to XADD for a job, in a fixed order, absent ones left out."""
    fields = {"job_id": entry.job_id}
    if entry.user_id is not None:
        fields["user_id"] = str(entry.user_id)
    fields["payload"] = json.dumps(entry.payload, ensure_ascii=False, separators=(",", ":"))
    if entry.deadline is not None:
        fields["deadline"] = repr(entry.deadline)
    for name in ("tenant", "traceparent", "tracestate"):
        value = cast("str | None", getattr(entry, name))
        if value is not None:
            fields[name] = value
    return fields | entry.extra


def decode_entry(fields: Mapping[bytes, bytes], *, payload_max_bytes: int = 1 << 20) -> JobEntry:
    """Read an entry's fields.

    Raises:
        EntryError: it is no job; says why, and keeps the job id where there is one.
    """
    job_id = _job_id(fields)
    raw = fields.get(b"payload")
    if raw is None:
        raise EntryError(FailureReason.INVALID_PAYLOAD, "field 'payload' is missing", job_id)
    if len(raw) > payload_max_bytes:
        message = f"payload has {len(raw):,} bytes; {payload_max_bytes:,} are allowed"
        raise EntryError(FailureReason.INVALID_PAYLOAD, message, job_id)
    try:
        return JobEntry(
            job_id=job_id,
            payload=_json_object(raw),
            user_id=_user_id(fields.get(b"user_id")),
            deadline=parse_deadline(_text(fields.get(b"deadline"))),
            tenant=_text(fields.get(b"tenant")) or None,
            traceparent=_text(fields.get(b"traceparent")) or None,
            tracestate=_text(fields.get(b"tracestate")) or None,
            extra={
                name.decode(errors="replace"): value.decode(errors="replace")
                for name, value in fields.items()
                if name not in _KNOWN_FIELDS
            },
        )
    except _PayloadError as error:
        raise EntryError(FailureReason.INVALID_PAYLOAD, str(error), job_id) from None
    except ValueError as error:
        raise EntryError(FailureReason.MALFORMED_ENTRY, str(error), job_id) from None


def parse_deadline(text: str | None) -> float | None:
    """A deadline, as Unix seconds or RFC 3339 with an offset, to Unix seconds.

    Raises:
        ValueError: it is neither.
    """
    if text is None or not text.strip():
        return None
    text = text.strip()
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if 0 < seconds < 1e11:  # rules out nan, infinity and milliseconds given for seconds
            return seconds
        raise ValueError(f"deadline {text[:40]!r} is not in Unix seconds")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"deadline {text[:40]!r} is neither Unix seconds nor RFC 3339 with offset")
    return moment.timestamp()


async def publish(client: StreamClient, keys: Keys, job_type: JobType, entry: JobEntry) -> str:
    """Append a job to its stream and return the entry id.

    A client that repeats a command after a lost reply may append the job twice; Core then sees
    the same idempotency keys twice, so no effect is doubled, but the model is asked twice.
    Build producers' clients without command retries.
    """
    flat = [part for pair in encode_entry(entry).items() for part in pair]
    entry_id = await client.execute_command("XADD", keys.stream(job_type), "*", *flat)
    return entry_id.decode() if isinstance(entry_id, bytes) else str(entry_id)


async def create_consumer_group(client: StreamClient, stream: str, group: str = GROUP) -> bool:
    """Make the group at id 0 (jobs enqueued before the first start are run) with its stream.

    Returns:
        Whether it was made now; False when it was there already.
    """
    try:
        await client.execute_command("XGROUP", "CREATE", stream, group, "0", "MKSTREAM")
    except Exception as error:
        if str(error).startswith("BUSYGROUP") or "BUSYGROUP" in type(error).__name__.upper():
            return False
        raise
    return True


class _PayloadError(ValueError):
    pass


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")


def _job_id(fields: Mapping[bytes, bytes]) -> str:
    if _KNOWN_FIELDS.isdisjoint(fields):
        raise EntryError(FailureReason.MALFORMED_ENTRY, "the entry has none of a job's fields")
    job_id = (_text(fields.get(b"job_id")) or "").strip()
    if not job_id:
        raise EntryError(FailureReason.MALFORMED_ENTRY, "field 'job_id' is missing or empty")
    if len(job_id) > JOB_ID_MAX_CHARS or not _JOB_ID.fullmatch(job_id):
        message = (
            f"field 'job_id' may have {JOB_ID_MAX_CHARS} characters, none of them / ? # or blank, "
            "and may not be '.' or '..'"
        )
        raise EntryError(FailureReason.MALFORMED_ENTRY, message)
    return job_id


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        value: object = _DECODER.decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise _PayloadError(f"payload is not JSON: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise _PayloadError(f"payload is a JSON {type(value).__name__}, not an object")
    return cast("dict[str, Any]", value)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it has {name}, which JSON does not know")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
"""One for all: made anew for each payload, as `json.loads` does, it costs as much as reading it."""


def _user_id(raw: bytes | None) -> int | None:
    text = (_text(raw) or "").strip()
    if not text:
        return None
    if not _USER_ID.fullmatch(text) or abs(int(text)) > _USER_ID_MAX:
        raise ValueError(f"field 'user_id' is {text[:40]!r}, not a whole number")
    return int(text)
