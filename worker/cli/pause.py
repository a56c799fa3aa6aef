"""`llm-worker pause` and `llm-worker resume`: job types and tenants, for the whole fleet."""

import getpass
import socket
import time
from typing import Annotated

import typer

from shared.enums import JobType
from worker.cli.at_redis import Opened, at_redis
from worker.cli.settings import fail, printable
from worker.cli.status import JsonOption
from worker.cli.words import as_json, moment
from worker.marks import tenant_field, type_field
from worker.operations import pausing
from worker.operations.fleet import Worker, read_workers
from worker.operations.pausing import PauseNote, read_pauses
from worker.operations.streams import server_now

_TENANT_CHARS = 200

TypesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[TYPE]…", help=", ".join(JobType))
]
TenantOption = Annotated[list[str] | None, typer.Option("--tenant", help="A tenant's jobs.")]


def pause(
    job_types: TypesArgument = None,
    tenant: TenantOption = None,
    why: Annotated[str, typer.Option(help="Shown to whoever wonders.")] = "",
    json_: JsonOption = False,
) -> None:
    """Have no worker take jobs of these types or tenants; without any, list what is paused.

    What runs already goes on to its end. Everything stays in its stream.

    Exit codes: 0 paused, 1 Redis is away or refuses, 2 a type that there is not.
    """
    fields = _fields(job_types, tenant)
    if not fields:
        _list(json_=json_)
        return
    note = PauseNote(by=whoever(), at=time.time(), why=why[:500])

    async def work(redis: Opened) -> tuple[list[str], list[Worker]]:
        new = await pausing.pause(redis.client, redis.keys, fields, note)
        now = await server_now(redis.client)
        return new, await read_workers(redis.client, redis.keys, now)

    new, workers = at_redis(work)
    _warn(fields, workers)
    if json_:
        typer.echo(as_json({"paused": new}))
        return
    for name in fields:
        typer.echo(f"{_named(name)} {'paused' if name in new else 'was paused already'}")


def resume(
    job_types: TypesArgument = None,
    tenant: TenantOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever is paused.")] = False,
    json_: JsonOption = False,
) -> None:
    """Have jobs of these types or tenants be taken again.

    Exit codes: 0 resumed, 1 Redis is away or refuses, 2 a type that there is not.
    """
    fields = _fields(job_types, tenant)
    if not fields and not everything:
        fail("name job types or tenants, or say --all")

    async def work(redis: Opened) -> tuple[list[str], list[str]]:
        asked = list(await read_pauses(redis.client, redis.keys)) if everything else fields
        return asked, await pausing.resume(redis.client, redis.keys, asked)

    asked, found = at_redis(work)
    if json_:
        typer.echo(as_json({"resumed": found}))
        return
    for name in asked:
        typer.echo(f"{_named(name)} {'resumed' if name in found else 'was not paused'}")
    if not asked:
        typer.echo("nothing was paused")


def whoever() -> str:
    """Who is at the keyboard, for those who wonder later."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"[:200]
    except (OSError, KeyError):  # a container whose user has no name
        return socket.gethostname()[:200]


def _warn(fields: list[str], workers: list[Worker]) -> None:
    """Of workers that go on all the same: those of a version that does not know this kind."""
    kinds = {field.partition(":")[0] for field in fields}
    deaf = [w.name for w in workers if not w.silent and not kinds <= set(w.facts.heeds)]
    if deaf:
        some = printable(", ".join(deaf[:3]) + (" …" if len(deaf) > 3 else ""))
        typer.echo(f"llm-worker: {len(deaf)} workers do not heed this: {some}", err=True)


def _list(*, json_: bool) -> None:
    async def work(redis: Opened) -> dict[str, PauseNote]:
        return await read_pauses(redis.client, redis.keys)

    found = at_redis(work)
    if json_:
        typer.echo(as_json(found))
        return
    for name, note in found.items():
        when = f" since {moment(note.at)}" if note.at else ""
        why = f": {note.why}" if note.why else ""
        typer.echo(printable(f"{_named(name)} paused by {note.by or '?'}{when}{why}"))
    if not found:
        typer.echo("nothing is paused", err=True)


def _fields(job_types: list[str] | None, tenants: list[str] | None) -> list[str]:
    for name in job_types or ():
        if name not in set(JobType):
            fail(f"{name!r} is no job type; there are {', '.join(JobType)}")
    for tenant in tenants or ():
        if not tenant.strip() or len(tenant) > _TENANT_CHARS:
            fail(f"a tenant's name has 1 to {_TENANT_CHARS} characters")
    return [*map(type_field, job_types or ()), *map(tenant_field, tenants or ())]


def _named(field: str) -> str:
    kind, _, name = field.partition(":")
    return printable(name if kind == "type" else f"{kind} {name}").replace("\n", "\\n")
