"""`llm-worker status` and `llm-worker workers`: what the fleet is doing, and what is odd."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from worker.cli.at_redis import Opened, at_redis
from worker.cli.deaths import deaths_table
from worker.cli.words import age, as_json, console, count, grid, moment, of_limit, shown
from worker.operations.fleet import Worker
from worker.operations.letters import Letters
from worker.operations.snapshot import Snapshot, take_snapshot
from worker.operations.view import StreamView
from worker.operations.words import amount

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def status(json_: JsonOption = False) -> None:
    """Show streams, workers and dead letters at this moment, and what is odd.

    Exit codes: 0 shown, 1 Redis is away or refuses, 2 the settings are wrong.
    """
    snapshot = at_redis(_snapshot)
    if json_:
        typer.echo(as_json(snapshot))
    else:
        console().print(picture(snapshot))


def workers(json_: JsonOption = False) -> None:
    """Show each worker: what it has in hand, how much it sends to which model server, and why.

    Exit codes: 0 shown, 1 Redis is away or refuses, 2 the settings are wrong.
    """
    snapshot = at_redis(_snapshot)
    if json_:
        typer.echo(as_json(snapshot.workers))
        return
    out = console()
    for worker in snapshot.workers:
        out.print(_portrait(worker))
    typer.echo(_counted(snapshot.workers), err=True)


async def _snapshot(redis: Opened) -> Snapshot:
    return await take_snapshot(redis.client, redis.keys)


# ------------------------------------------------------------------------------------- status


def picture(snapshot: Snapshot, selected: str | None = None) -> RenderableType:
    """All of it as one picture; the selected job type is marked."""
    parts: list[RenderableType] = [_streams(snapshot.streams, selected)]
    parts += [Text(), _workers(snapshot.workers)] if snapshot.workers else []
    parts += [Text(), _letters(snapshot.letters)] if snapshot.letters.count else []
    parts += [Text(), _hints(snapshot)] if snapshot.hints else []
    return Group(*parts)


def _streams(streams: Sequence[StreamView], selected: str | None) -> RenderableType:
    names = ("#waiting", "#in flight", "#parked", "#outbox", "#oldest waiting", "#in flight since")
    table = grid("", "stream", *names, "#a minute", "#drained in", "")
    for stream in streams:
        table.add_row(
            ">" if stream.job_type == selected else "",
            stream.job_type,
            *map(count, (stream.waiting, stream.in_flight, stream.parked, stream.outbox)),
            age(stream.oldest_waiting_s),
            age(stream.oldest_in_flight_s),
            count(stream.ended_a_minute),
            stream.drained,
            "[yellow]paused[/]" if stream.paused is not None else "",
            style="dim" if stream.is_idle else "",
        )
    return table


def _workers(found: Sequence[Worker]) -> RenderableType:
    table = grid("worker", "#up", "#in flight", "#parked", "#slots", "sends at once", "state")
    for worker in found:
        facts = worker.facts
        table.add_row(
            shown(worker.name),
            age(worker.uptime_s),
            count(worker.in_hand),
            count(facts.parked),
            of_limit(facts.slots, facts.slots_max),
            "\n".join(_limits(worker)) or "-",
            "\n".join(_state(worker)),
        )
    return table


def _limits(worker: Worker) -> Iterator[str]:
    for each in worker.facts.limits:
        where = f"{each.role} {each.server}"
        yield shown(f"{of_limit(each.in_flight, each.limit)} {where}: {each.reason}")


def _state(worker: Worker) -> Iterator[str]:
    if worker.silent:
        ago, why = age(worker.heard_s_ago), shown(worker.facts.halted)
        yield f"[red]{worker.halted}[/]: {why}" if why else f"[red]silent for {ago}[/]"
        return
    if worker.facts.draining:
        yield "[yellow]draining[/]"
    if worker.takes_nothing:
        yield f"[yellow]{worker.takes_nothing}[/]"
    for service, why in worker.facts.gates.items():
        yield f"[red]{shown(service)} is away[/]: {shown(why)}"
    for server in worker.facts.servers:
        if server.broken:
            yield f"[red]{shown(server.server)} is set up wrongly[/]"
        elif server.breaker != "closed":
            yield f"[yellow]{shown(server.server)}: breaker {shown(server.breaker)}[/]"


def _letters(letters: Letters) -> RenderableType:
    table = deaths_table(letters.deaths[:10])
    newest = "" if letters.looked == letters.count else f"the newest {letters.looked:,} of "
    return Group(table, Text(f"{newest}{amount(letters.count, 'dead letter')}"))


def _hints(snapshot: Snapshot) -> RenderableType:
    table = grid("what is odd", "what to type")
    for hint in snapshot.hints:
        table.add_row(f"[yellow]![/] {shown(hint.text)}", f"[bold]{shown(hint.command)}[/]")
    return table


# ------------------------------------------------------------------------------------- workers


def _counted(found: Sequence[Worker]) -> str:
    """Those that live, those that are silent, and halts, however few rows they have."""
    living = sum(not worker.silent for worker in found)
    silent = sum(worker.silent and not worker.facts.halted for worker in found)
    halts = sum(worker.halts for worker in found)
    more = [f"{silent:,} silent"] * bool(silent) + [amount(halts, "halt")] * bool(halts)
    return ", ".join([amount(living, "worker"), *more])


def _portrait(worker: Worker) -> RenderableType:
    facts, table = worker.facts, grid("", "")
    table.show_header = False
    running = ", ".join(
        f"{name}: " + ", ".join(f"{number} {stage}" for stage, number in stages.items())
        for name, stages in facts.stages.items()
    )
    ended = ", ".join(f"{name}: {ok}, {dead} dead" for name, (ok, dead) in facts.ended.items())
    started = f"{moment(facts.started_at)}, up {age(worker.uptime_s)}"
    for name, value in (
        ("process", f"{facts.pid} on {facts.host}, version {facts.version or '?'}"),
        ("started", started),
        ("takes", ", ".join(facts.job_types)),
        ("in hand", of_limit(facts.held, facts.held_max) + (f" ({running})" if running else "")),
        ("slots", of_limit(facts.slots, facts.slots_max)),
        ("last minute", ended or "nothing ended"),
        ("waits for Core", str(facts.waiting_for_core)),
    ):
        table.add_row(f"  {name}", shown(value))
    for line in _limits(worker):
        table.add_row("  sends at once", line)
    for line in _state(worker):
        table.add_row("  state", line)
    return Group(f"[bold]{shown(worker.name)}[/]", table)
