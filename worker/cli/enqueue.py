"""`llm-worker enqueue`: a job, or a file of them, held against their type's payload first."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from shared.enums import JobType
from shared.redis_streams import JobEntry, publish
from worker.cli.at_redis import Opened, at_redis
from worker.cli.enqueue_file import Filling, enqueue_file
from worker.cli.settings import fail, printable
from worker.cli.words import as_json
from worker.lifecycle import ExitCode
from worker.observability.traces import enqueuing
from worker.operations.awaiting import ends, newest_event
from worker.operations.enqueuing import BadJob, Given, json_object, make_entry


def enqueue(
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help=", ".join(JobType))],
    payload: Annotated[
        str | None, typer.Argument(help="A JSON object, @FILE, or - for standard input.")
    ] = None,
    user_id: Annotated[int | None, typer.Option(help="Whose job it is.")] = None,
    job_id: Annotated[str | None, typer.Option(help="Made up and printed when not given.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose turn it takes.")] = None,
    deadline: Annotated[
        str | None, typer.Option(help="Unix seconds or RFC 3339; after it nobody wants it.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(help="JSON lines instead of a payload; - for standard input.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="End at the first bad line of a file.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait.")] = 300,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Append a job to its stream, or many from a file.

    A line of a file is a payload, or an object with `payload` and any of job_id, user_id, tenant,
    deadline. Bad lines are named and left out; what stands before a bad line is appended.

    Exit codes: 0 appended (with --wait: completed), 1 Redis is away or refuses, or a file had bad
    lines, 2 this is no job, or the settings are wrong, 4 ended as a dead letter, 5 not ended within
    --timeout (a worker with EVENTS_MAX=0 tells of no end), 130 Ctrl-C.
    """
    kind = _job_type(job_type)
    given = Given(job_id, user_id, tenant, deadline)
    wait_s = timeout if wait else None
    if file is not None:
        if payload is not None or job_id is not None:
            fail("--file takes neither a payload nor --job-id")
        enqueue_file(Filling(kind, given, strict, wait_s), file, json_=json_)
    elif payload is None:
        fail("give a payload, @FILE, - or --file")
    else:
        _enqueue_one(kind, _entry(kind, payload, given), wait_s, json_=json_)


def _job_type(name: str) -> JobType:
    try:
        return JobType(name)
    except ValueError:
        fail(f"{name!r} is no job type; there are {', '.join(JobType)}")


def _entry(job_type: JobType, payload: str, given: Given) -> JobEntry:
    try:
        return make_entry(job_type, json_object(_text(payload)), given)
    except (BadJob, ValueError, OSError) as error:
        fail(str(error))


def _text(payload: str) -> str:
    if payload == "-":
        return sys.stdin.read()
    if payload.startswith("@"):
        return Path(payload[1:]).read_text(encoding="utf-8")
    return payload


def _enqueue_one(job_type: JobType, entry: JobEntry, wait_s: float | None, *, json_: bool) -> None:
    async def work(redis: Opened) -> dict[str, str] | None:
        after = "" if wait_s is None else await newest_event(redis.client, redis.keys)
        stream = redis.keys.stream(job_type)
        with enqueuing(entry, stream) as traced:
            entry_id = await publish(redis.client, redis.keys, job_type, traced)
        said = {"job_id": entry.job_id, "stream": stream, "entry_id": entry_id}
        typer.echo(as_json(said) if json_ else f"{entry.job_id} enqueued on {stream} as {entry_id}")
        if wait_s is None:
            return None
        ids = {entry.job_id}
        async for event in ends(redis.reader, redis.keys, ids, after=after, timeout_s=wait_s):
            return event
        return {}

    event = at_redis(work)
    if event is not None:
        _tell_end(entry.job_id, event, json_=json_)


def _tell_end(job_id: str, event: dict[str, str], *, json_: bool) -> None:
    if not event:
        fail(f"{job_id} has not ended in time", ExitCode.TIMED_OUT)
    why = ", ".join(filter(None, (event.get("reason"), event.get("cause"))))
    line = f"{job_id} {event['event']}{' of ' + why if why else ''}"
    typer.echo(as_json(event) if json_ else printable(line).replace("\n", "\\n"))
    if event["event"] == "dead":
        raise typer.Exit(ExitCode.DEAD)
