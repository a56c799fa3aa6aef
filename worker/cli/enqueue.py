"""`llm-worker enqueue TYPE PAYLOAD`: checked here, before it is sent."""

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from pydantic import ValidationError
from redis.exceptions import RedisError

from shared.enums import JobType
from shared.redis_streams import (
    EntryError,
    JobEntry,
    Keys,
    decode_entry,
    encode_entry,
    parse_deadline,
    publish,
)
from shared.schemas import PAYLOADS
from worker.answering import explain
from worker.cli.settings import fail, settings_or_exit
from worker.config import Settings
from worker.lifecycle import ExitCode
from worker.observability.traces import enqueuing
from worker.redis_clients import connect, describe


def enqueue(
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help=", ".join(JobType))],
    payload: Annotated[str, typer.Argument(help="A JSON object, @FILE, or - for standard input.")],
    user_id: Annotated[int | None, typer.Option(help="Whose job it is.")] = None,
    job_id: Annotated[str | None, typer.Option(help="Made up and printed when not given.")] = None,
    deadline: Annotated[
        str | None, typer.Option(help="Unix seconds or RFC 3339; after it nobody wants it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Append a job to its stream."""
    settings = settings_or_exit()
    entry = _entry(_job_type(job_type), payload, user_id, job_id, deadline)
    try:
        entry_id = asyncio.run(_publish(settings, JobType(job_type), entry))
    except (RedisError, OSError) as error:
        fail(f"cannot reach Redis at REDIS_URL: {describe(error)}", ExitCode.CRASHED)
    stream = Keys(settings.llm_stream_prefix).stream(job_type)
    if as_json:
        typer.echo(json.dumps({"job_id": entry.job_id, "stream": stream, "entry_id": entry_id}))
    else:
        typer.echo(f"{entry.job_id} enqueued on {stream} as {entry_id}")


def _job_type(name: str) -> JobType:
    try:
        return JobType(name)
    except ValueError:
        fail(f"{name!r} is no job type; there are {', '.join(JobType)}")


def _entry(
    job_type: JobType, payload: str, user_id: int | None, job_id: str | None, deadline: str | None
) -> JobEntry:
    try:
        entry = JobEntry(
            job_id=job_id if job_id is not None else uuid.uuid4().hex,
            payload=_json_object(_text(payload)),
            user_id=user_id,
            deadline=parse_deadline(deadline),
        )
        # The worker's own reading, so that what is refused there is refused here already.
        fields = {name.encode(): value.encode() for name, value in encode_entry(entry).items()}
        decode_entry(fields)
        PAYLOADS[job_type].model_validate(entry.payload)
    except ValidationError as error:
        fail(f"this is no payload for {job_type}: {explain(error)}")
    except (EntryError, ValueError, OSError) as error:
        fail(str(error))
    return entry


def _text(payload: str) -> str:
    if payload == "-":
        return sys.stdin.read()
    if payload.startswith("@"):
        return Path(payload[1:]).read_text(encoding="utf-8")
    return payload


def _json_object(text: str) -> dict[str, Any]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the payload is not JSON: {error}") from None
    if not isinstance(value, dict):
        message = f"the payload is a JSON {type(value).__name__}, not an object"
        raise ValueError(message)  # noqa: TRY004 - it is what was typed that is wrong
    return cast("dict[str, Any]", value)


async def _publish(settings: Settings, job_type: JobType, entry: JobEntry) -> str:
    clients = connect(settings.redis_url, key=Keys(settings.llm_stream_prefix).dead)
    try:
        keys = Keys(settings.llm_stream_prefix)
        with enqueuing(entry, keys.stream(job_type)) as traced:
            return await publish(clients.commands, keys, job_type, traced)
    finally:
        await clients.close()
