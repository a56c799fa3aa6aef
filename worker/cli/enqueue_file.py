"""`llm-worker enqueue TYPE --file`: many jobs, in batches, with a bar where somebody watches."""

import sys
import time
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import typer
from redis.exceptions import RedisError
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from shared.enums import JobType
from worker.cli.at_redis import Opened, at_redis
from worker.cli.redis_trouble import explain
from worker.cli.settings import fail, printable
from worker.cli.words import as_json, console
from worker.lifecycle import ExitCode
from worker.operations.awaiting import ends, newest_event
from worker.operations.enqueuing import Given, Line, append_all, batches, read_lines

_BAD_SHOWN = 20


@dataclass(slots=True)
class Tally:
    """What became of a file's lines.

    Attributes:
        appended: jobs in their stream.
        bad: lines that are no job.
        unsure: jobs that were sent when Redis went away; they may be there.
        broken: why it ended early.
        ended: those that were waited for, `completed` and `dead`.
        missing: those that have not ended in time.
    """

    appended: int = 0
    bad: int = 0
    unsure: int = 0
    broken: str = ""
    ended: Counter[str] = field(default_factory=Counter[str])
    missing: int = 0

    @property
    def exit_code(self) -> int:
        """The worst of it."""
        if self.bad or self.broken:
            return ExitCode.CRASHED
        if self.ended["dead"]:
            return ExitCode.DEAD
        return ExitCode.TIMED_OUT if self.missing else ExitCode.DRAINED


@dataclass(slots=True)
class Filling:
    """One file on its way into a stream.

    Attributes:
        strict: whether the first bad line is the last that is looked at.
        wait_s: how long to wait for the jobs' ends; None not to.
    """

    job_type: JobType
    given: Given
    strict: bool
    wait_s: float | None
    tally: Tally = field(default_factory=Tally)
    _job_ids: set[str] = field(default_factory=set[str])

    async def fill(self, redis: Opened, lines: Iterable[bytes], progress: Progress) -> None:
        """Append what is good, and wait for it where that was asked for."""
        waits = self.wait_s is not None
        after = await newest_event(redis.client, redis.keys) if waits else ""
        row = progress.tasks[0].id
        for batch in batches(read_lines(lines, self.job_type, self.given)):
            if not await self._append(redis, batch):
                break
            size = sum(line.size for line in batch)
            rate = f"{self.tally.appended:,} jobs"
            progress.update(row, advance=size, description=rate)
        if self.wait_s is None:
            return
        left = self._job_ids
        events = ends(redis.reader, redis.keys, left, after=after, timeout_s=self.wait_s)
        async for event in events:
            self.tally.ended[event["event"]] += 1
        self.tally.missing = len(left) - self.tally.ended.total()

    async def _append(self, redis: Opened, batch: list[Line]) -> bool:
        entries = [line.entry for line in batch if line.entry is not None]
        if not entries:
            return self._bad(batch[0])
        try:
            await append_all(redis.client, redis.keys, self.job_type, entries)
        except (RedisError, OSError) as error:
            self.tally.unsure, self.tally.broken = (
                len(entries),
                await explain(error, redis),
            )
            return False
        self.tally.appended += len(entries)
        if self.wait_s is not None:
            self._job_ids |= {entry.job_id for entry in entries}
        return True

    def _bad(self, line: Line) -> bool:
        self.tally.bad += 1
        if self.tally.bad <= _BAD_SHOWN:
            said = printable(line.problem).replace("\n", "\\n")
            typer.echo(f"llm-worker: line {line.number}: {said}", err=True)
        elif self.tally.bad == _BAD_SHOWN + 1:
            typer.echo("llm-worker: further bad lines are only counted", err=True)
        return not self.strict


def enqueue_file(filling: Filling, file: str, *, json_: bool) -> None:
    """Append the jobs of a JSON-lines file; ends the command with what came of it."""
    started = time.monotonic()

    async def work(redis: Opened) -> None:
        with _opened(file) as lines, _bar(file) as progress:
            await filling.fill(redis, lines, progress)

    at_redis(work)
    _tell(filling, time.monotonic() - started, json_=json_)
    if filling.tally.exit_code:
        raise typer.Exit(filling.tally.exit_code)


@contextmanager
def _opened(file: str) -> Generator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115 - closed below; only opening is tried
    except OSError as error:
        fail(f"--file: {file}: {error.strerror}")
    with opened:
        yield opened


@contextmanager
def _bar(file: str) -> Generator[Progress]:
    out = console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        progress.add_task("", total=None if file == "-" else Path(file).stat().st_size)
        yield progress


def _tell(filling: Filling, took_s: float, *, json_: bool) -> None:
    tally = filling.tally
    if json_:
        typer.echo(
            as_json(
                {
                    "job_type": str(filling.job_type),
                    "appended": tally.appended,
                    "bad_lines": tally.bad,
                    "unsure": tally.unsure,
                    "completed": tally.ended["completed"],
                    "dead": tally.ended["dead"],
                    "not_ended": tally.missing,
                }
            )
        )
    else:
        rate = tally.appended / max(took_s, 1e-6)
        bad = f", {tally.bad:,} bad lines left out" if tally.bad else ""
        pace = "" if filling.wait_s is not None else f", {rate:,.0f} a second"
        typer.echo(f"{tally.appended:,} jobs enqueued for {filling.job_type}{pace}{bad}")
        if filling.wait_s is not None:
            ended = f"{tally.ended['completed']:,} completed, {tally.ended['dead']:,} dead"
            typer.echo(f"{ended}, {tally.missing:,} not ended in time")
    if tally.broken:
        unsure = f"{tally.unsure:,} jobs were on their way and may be there"
        typer.echo(f"llm-worker: {unsure}: {printable(tally.broken)}", err=True)
