"""`llm-worker dead list | show | replay | purge`: the dead letters."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer

from shared.enums import FailureReason, JobType
from worker.cli.at_redis import Opened, at_redis
from worker.cli.deaths import said_by, show_deaths
from worker.cli.grid import Grid
from worker.cli.settings import fail, printable
from worker.cli.words import console, shown
from worker.lifecycle import ExitCode
from worker.operations.letters import Death, triage
from worker.queue.dead_letters import DeadLetter, DeadLetters, LetterFilter

T = TypeVar("T")
dead = typer.Typer(
    name="dead",
    help="The dead letters: find, read, put back, throw away.",
    no_args_is_help=True,
    add_completion=False,
)

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_PAYLOAD_SHOWN_CHARS = 2_000

TypeOption = Annotated[str | None, typer.Option("--type", help="Only this job type.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only this reason.")]
TextOption = Annotated[str | None, typer.Option("--text", help="Only letters with this text.")]
OlderOption = Annotated[
    str | None, typer.Option("--older-than", help="Only letters older than 30s, 15m, 2h, 7d.")
]
NewerOption = Annotated[
    str | None, typer.Option("--newer-than", help="Only letters newer than that.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]…", help="Letters by id, instead of a filter.")
]


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which letters a command is about."""

    ids: list[str]
    wanted: LetterFilter

    @property
    def is_everything(self) -> bool:
        return not self.ids and self.wanted == LetterFilter()


@dead.command("list")
def list_letters(
    job_type: TypeOption = None,
    reason: ReasonOption = None,
    text: TextOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    by_reason: Annotated[
        bool, typer.Option("--by-reason", help="How many died of what, instead of each.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, oldest first."""
    choice = _choice(None, job_type, reason, text, older_than, newer_than)
    if by_reason:
        _list_by_reason(choice, as_json=as_json)
        return

    async def collect(letters: DeadLetters) -> list[DeadLetter]:
        return [letter async for letter in _chosen(letters, choice)]

    found = _with_letters(collect)
    if as_json:
        for letter in found:
            typer.echo(json.dumps(_summary(letter), ensure_ascii=False))
        return
    table = Grid()
    rows = [_summary(letter) for letter in found]
    for name in ("id", "died", "job_type", "reason"):  # what the other commands take: never cut
        width = max((len(str(cells[name])) for cells in rows), default=0)
        table.add_column(name.removeprefix("job_"), no_wrap=True, min_width=width)
    table.add_column("job", overflow="fold")
    table.add_column("error", ratio=1, no_wrap=True, overflow="ellipsis")
    for cells in rows:
        names = ("id", "died", "job_type", "reason", "job_id", "error")
        table.add_row(*(shown(cells[name]) for name in names))
    if found:
        console().print(table)
    typer.echo(f"{len(found)} dead letter{'' if len(found) == 1 else 's'}", err=True)


def _list_by_reason(choice: _Choice, *, as_json: bool) -> None:
    async def count(letters: DeadLetters) -> tuple[Death, ...]:
        said = [said_by(letter) async for letter in _chosen(letters, choice)]
        return triage(said, time.time())

    show_deaths(_with_letters(count), as_json=as_json)


@dead.command("show")
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID")], as_json: JsonOption = False
) -> None:
    """Show one dead letter whole, its payload included."""
    choice = _choice([letter_id], None, None, None, None, None)

    async def find(letters: DeadLetters) -> DeadLetter | None:
        return await letters.get(choice.ids[0])

    letter = _with_letters(find)
    if letter is None:
        fail(f"there is no dead letter {letter_id}", ExitCode.CRASHED)
    if as_json:
        whole = {"id": letter.letter_id, "fields": letter.fields, "dead": letter.said}
        typer.echo(json.dumps(whole, ensure_ascii=False))
        return
    for title, fields in (("what became of it", letter.said), ("the job", letter.fields)):
        typer.echo(title)
        for name, value in fields.items():
            cut = value[:_PAYLOAD_SHOWN_CHARS]
            more = f" … {len(value):,} characters" if len(value) > len(cut) else ""
            typer.echo(f"  {_on_a_line(name)}: {_on_a_line(cut)}{more}")


@dead.command("replay")
def replay(
    ids: IdsArgument = None,
    job_type: TypeOption = None,
    reason: ReasonOption = None,
    text: TextOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    rate: Annotated[float, typer.Option(help="Jobs a second at most; 0 for all at once.")] = 0,
    ask_again: Annotated[
        bool,
        typer.Option("--ask-again", help="Drop answers that Core refused, and ask the model anew."),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
) -> None:
    """Put jobs back on their streams, under their old job ids.

    An answer that Core had refused is delivered again, not paid for again. Replay what expired with
    care: its deadline has not moved.
    """
    choice = _choice(ids, job_type, reason, text, older_than, newer_than)
    _refuse_everything(choice, everything)

    async def put_back(letters: DeadLetters) -> int:
        count = 0
        async for letter in _chosen(letters, choice):
            entry_id = await letters.replay(letter, ask_again=ask_again)
            if entry_id is None:
                continue
            count += 1
            typer.echo(f"{printable(letter.letter_id)} replayed as {entry_id}")
            if rate > 0:
                await asyncio.sleep(1 / rate)
        return count

    typer.echo(f"{_with_letters(put_back)} replayed", err=True)


@dead.command("purge")
def purge(
    ids: IdsArgument = None,
    job_type: TypeOption = None,
    reason: ReasonOption = None,
    text: TextOption = None,
    older_than: OlderOption = None,
    newer_than: NewerOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
) -> None:
    """Throw dead letters away, for good."""
    choice = _choice(ids, job_type, reason, text, older_than, newer_than)
    _refuse_everything(choice, everything)

    async def throw_away(letters: DeadLetters) -> int:
        doomed = [letter.letter_id async for letter in _chosen(letters, choice)]
        batches = [doomed[start : start + 500] for start in range(0, len(doomed), 500)]
        return sum([await letters.purge(batch) for batch in batches])

    typer.echo(f"{_with_letters(throw_away)} purged", err=True)


# ------------------------------------------------------------------------------------- helpers


def _choice(
    ids: list[str] | None,
    job_type: str | None,
    reason: str | None,
    text: str | None,
    older_than: str | None,
    newer_than: str | None,
) -> _Choice:
    for letter_id in ids or ():
        if not re.fullmatch(r"\d{1,20}-\d{1,20}", letter_id):
            fail(f"{letter_id!r} is no letter's id; they look like 1795231272936-0")
    if reason is not None and reason not in set(FailureReason):
        fail(f"{reason!r} is no reason; there are {', '.join(FailureReason)}")
    if job_type is not None and job_type not in set(JobType):
        typer.echo(f"llm-worker: {job_type!r} is no job type of this version", err=True)
    wanted = LetterFilter(job_type, reason, text or None, _age(older_than), _age(newer_than))
    return _Choice(list(ids or ()), wanted)


def _age(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if match is None:
        fail(f"{text!r} is no age; write 30s, 15m, 2h or 7d")
    return int(match[1]) * _UNITS[match[2]]


def _refuse_everything(choice: _Choice, everything: bool) -> None:
    if choice.is_everything and not everything:
        fail("name letters or a filter, or say --all")


async def _chosen(letters: DeadLetters, choice: _Choice) -> AsyncIterator[DeadLetter]:
    if not choice.ids:
        async for letter in letters.find(choice.wanted, time.time()):
            yield letter
        return
    for letter_id in choice.ids:
        letter = await letters.get(letter_id)
        if letter is None:
            typer.echo(f"llm-worker: there is no dead letter {letter_id}", err=True)
        elif choice.wanted.takes(letter, time.time()):
            yield letter


def _on_a_line(text: str) -> str:
    return printable(text).replace("\n", "\\n")  # or a value could pass for the next line


def _summary(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.letter_id,
        "died": datetime.fromtimestamp(letter.died_s, UTC).isoformat(timespec="seconds"),
        "job_type": letter.job_type,
        "job_id": letter.fields.get("job_id", ""),
        "reason": letter.reason,
        "cause": letter.said.get("cause", ""),
        "error": letter.said.get("error", ""),
        "attempts": letter.said.get("attempts", ""),
        "deliveries": letter.said.get("deliveries", ""),
    }


def _with_letters(work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    async def at(redis: Opened) -> T:
        return await work(DeadLetters(redis.client, redis.keys))

    return at_redis(at)
