"""`llm-worker top`: `status` again and again; on a terminal with keys to pause and resume."""

import asyncio
import os
import re
import sys
import termios
import time
import tty
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

import typer
from redis.exceptions import RedisError
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from shared.enums import JobType
from worker.cli.at_redis import Opened, at_redis
from worker.cli.pause import whoever
from worker.cli.redis_trouble import explain
from worker.cli.status import picture
from worker.cli.words import as_json, console, moment
from worker.marks import type_field
from worker.operations.pausing import PauseNote, pause, resume
from worker.operations.snapshot import Snapshot, take_snapshot

_KEYS = {"\x1b[A": "up", "\x1bOA": "up", "k": "up", "\x1b[B": "down", "\x1bOB": "down", "j": "down"}
_LEGEND = "arrows choose a stream, p pauses it, r resumes it, q quits"


@dataclass(slots=True)
class Screen:
    """What is chosen on the screen, and what a key does to it."""

    job_types: Sequence[str] = tuple(map(str, JobType))
    chosen: int = 0
    done: bool = False

    @property
    def job_type(self) -> str:
        """The chosen stream."""
        return self.job_types[self.chosen]

    def press(self, key: str) -> str:
        """Take a key; `pause` or `resume` where that is to be done to the chosen stream."""
        match _KEYS.get(key, key):
            case "up":
                self.chosen = max(0, self.chosen - 1)
            case "down":
                self.chosen = min(len(self.job_types) - 1, self.chosen + 1)
            case "p":
                return "pause"
            case "r":
                return "resume"
            case "q" | "\x04":
                self.done = True
            case _:
                pass
        return ""


def split_keys(pressed: str) -> list[str]:
    """What was typed, key by key: an arrow is three characters, and many may come at once."""
    return re.findall(r"\x1b[\[O][A-Z]|.", pressed, re.DOTALL)


def top(
    every: Annotated[float, typer.Option(min=0.2, max=3_600, help="Seconds between looks.")] = 1,
    times: Annotated[int | None, typer.Option("-n", min=1, help="Look so often, then end.")] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each look.")
    ] = False,
) -> None:
    """Show `status` again and again until q or Ctrl-C.

    On a terminal: arrows choose a stream, p and r pause and resume it. Elsewhere the looks are
    printed one after the other.

    Exit codes: 0 quit, 1 Redis was away or refused from the start, 2 the settings are wrong, 130
    Ctrl-C.
    """
    out = console()
    looks = times or sys.maxsize

    async def work(redis: Opened) -> None:
        if json_ or not (out.is_terminal and sys.stdin.isatty()):
            await _print(redis, out, every, looks, json_=json_)
        else:
            await _live(redis, out, every, looks)

    at_redis(work)


async def _print(redis: Opened, out: Console, every: float, looks: int, *, json_: bool) -> None:
    for look in range(looks):
        if look:
            await asyncio.sleep(every)
        snapshot = await take_snapshot(redis.client, redis.keys)
        if json_:
            typer.echo(as_json(snapshot))
        else:
            out.print(moment(snapshot.at), picture(snapshot), "", sep="\n")


async def _live(redis: Opened, out: Console, every: float, looks: int) -> None:
    screen = Screen()
    snapshot = await take_snapshot(redis.client, redis.keys)
    said = ""
    with Live(console=out, screen=True, auto_refresh=False) as live:
        async with _keyboard(sys.stdin.fileno()) as keys:
            for _ in range(looks):
                live.update(_framed(snapshot, screen, said), refresh=True)
                said = await _pressed(redis, screen, keys, every)
                if screen.done:
                    return
                try:
                    snapshot = await take_snapshot(redis.client, redis.keys)
                except (RedisError, OSError) as error:  # the last look stays, with the news
                    said = await explain(error, redis)


def _framed(snapshot: Snapshot, screen: Screen, said: str) -> RenderableType:
    last = Text(f"{said}\n{_LEGEND}" if said else _LEGEND, style="dim")
    return Group(moment(snapshot.at), "", picture(snapshot, screen.job_type), "", last)


async def _pressed(redis: Opened, screen: Screen, keys: "asyncio.Queue[str]", every: float) -> str:
    """Wait for a key or until it is time for the next look; what was done, in words."""
    with suppress(TimeoutError):
        async with asyncio.timeout(every):
            action = screen.press(await keys.get())
            if not action:
                return ""
            field = type_field(screen.job_type)
            note = PauseNote(by=whoever(), at=time.time(), why="from llm-worker top")
            try:
                if action == "pause":
                    await pause(redis.client, redis.keys, [field], note)
                else:
                    await resume(redis.client, redis.keys, [field])
            except (RedisError, OSError) as error:
                return f"not done: {await explain(error, redis)}"
            return f"{screen.job_type}: {action}d"
    return ""


@asynccontextmanager
async def _keyboard(fd: int) -> AsyncGenerator["asyncio.Queue[str]"]:
    """Keys as they are pressed, one at a time, without their echo."""
    keys: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        pressed = os.read(fd, 64).decode(errors="replace")
        for key in split_keys(pressed) or ["\x04"]:  # nothing to read: the terminal is gone
            keys.put_nowait(key)

    with _unbuffered(fd):
        loop.add_reader(fd, read)
        try:
            yield keys
        finally:
            loop.remove_reader(fd)


@contextmanager
def _unbuffered(fd: int) -> Generator[None]:
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
