"""Making job entries out of what people write, refused here as the worker would refuse them."""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from shared.enums import JobType
from shared.redis_streams import (
    JobEntry,
    Keys,
    StreamClient,
    decode_entry,
    encode_entry,
    parse_deadline,
)
from shared.schemas import PAYLOADS
from worker.answering import explain
from worker.queue.scripts import APPEND, Argument

BATCH_JOBS = 100
_BATCH_BYTES = 1 << 20
_JOB_FIELDS = frozenset({"payload", "job_id", "user_id", "tenant", "deadline"})


class BadJob(ValueError):
    """What was written is no job; `str()` says why, and nothing of what it holds."""


@dataclass(frozen=True, slots=True)
class Given:
    """What else is given for a job, or for all of a file; a line's own fields win."""

    job_id: str | None = None
    user_id: int | None = None
    tenant: str | None = None
    deadline: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number, its bytes, and the job it is or why it is none."""

    number: int
    size: int
    entry: JobEntry | None
    problem: str = ""


def make_entry(job_type: JobType, payload: dict[str, Any], given: Given) -> JobEntry:
    """A job entry that a worker will take.

    Raises:
        BadJob: it would not.
    """
    try:
        entry = JobEntry(
            job_id=given.job_id if given.job_id is not None else uuid.uuid4().hex,
            payload=payload,
            user_id=given.user_id,
            deadline=parse_deadline(given.deadline),
            tenant=given.tenant,
        )
        # The worker's own reading, so that what is refused there is refused here already.
        decode_entry({name.encode(): value.encode() for name, value in encode_entry(entry).items()})
        PAYLOADS[job_type].model_validate(entry.payload)
    except ValidationError as error:
        raise BadJob(f"this is no payload for {job_type}: {explain(error)}") from None
    except ValueError as error:
        raise BadJob(str(error)) from None
    return entry


def json_object(text: str | bytes, what: str = "payload") -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadJob: it is none.
    """
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadJob(f"the {what} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadJob(f"the {what} is a JSON {type(value).__name__}, not an object")
    return cast("dict[str, Any]", value)


def read_lines(lines: Iterable[bytes], job_type: JobType, given: Given) -> Iterator[Line]:
    """The jobs of a JSON-lines file; empty lines are left out.

    A line is a payload, or an object with `payload` and any of job_id, user_id, tenant, deadline.
    """
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            entry = _line_entry(json_object(raw, "line"), job_type, given)
        except BadJob as error:
            yield Line(number, len(raw), None, str(error))
        else:
            yield Line(number, len(raw), entry)


def _line_entry(said: dict[str, Any], job_type: JobType, given: Given) -> JobEntry:
    if "payload" not in said:
        return make_entry(job_type, said, given)
    unknown = sorted(said.keys() - _JOB_FIELDS)
    if unknown:
        raise BadJob(f"unknown field {unknown[0][:40]!r} beside payload")
    payload = said["payload"]
    if not isinstance(payload, dict):
        raise BadJob(f"the payload is a JSON {type(payload).__name__}, not an object")
    user_id = said.get("user_id", given.user_id)
    if user_id is not None and type(user_id) is not int:
        raise BadJob("user_id is not a whole number")
    own = Given(
        _text(said, "job_id", given.job_id),
        user_id,
        _text(said, "tenant", given.tenant),
        _text(said, "deadline", given.deadline),
    )
    return make_entry(job_type, cast("dict[str, Any]", payload), own)


def _text(said: dict[str, Any], name: str, otherwise: str | None) -> str | None:
    value = said.get(name, otherwise)
    if value is None or isinstance(value, str):
        return value
    if name == "deadline" and type(value) in {int, float}:
        return repr(value)
    raise BadJob(f"{name} is a JSON {type(value).__name__}, not a text")


def batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Good lines in batches for `append_all`, in their order; bad ones in one of their own."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        full = len(batch) >= BATCH_JOBS or size + line.size > _BATCH_BYTES
        if batch and (full or line.entry is None):
            yield batch
            batch, size = [], 0
        if line.entry is None:
            yield [line]
        else:
            batch.append(line)
            size += line.size
    if batch:
        yield batch


async def append_all(
    client: StreamClient, keys: Keys, job_type: JobType, entries: Sequence[JobEntry]
) -> list[str]:
    """Append up to `BATCH_JOBS` jobs in one go; returns the entry ids.

    Not to be repeated after a lost reply: they may be there already.
    """
    args: list[Argument] = []
    for entry in entries:
        flat = [part for pair in encode_entry(entry).items() for part in pair]
        args += [len(flat), *flat]
    reply = await APPEND(client, [keys.stream(job_type)], args)
    return [entry_id.decode() for entry_id in cast("list[bytes]", reply)]
