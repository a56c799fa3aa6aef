"""A whole game day, short, with a program as the trainee."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from drills.incidents import Kind, draw
from drills.judging import choices
from tests.children import needs_proc
from tests.process.bench import until
from tests.process.command_line import PROGRAM

pytestmark = [pytest.mark.process, needs_proc, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
SEED = 3
SOME = [Kind.CORE_BEHIND_GATEWAY, Kind.REDIS_FULL]
PATIENCE_S = 120.0


class Game:
    """The command, its output read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def says(self, pattern: str) -> str:
        """The first line from here on that has it.

        Raises:
            AssertionError: it ended, or said nothing more, without it.
        """
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.process.stdout.readline()).decode():
                self.said += line
                if re.search(pattern, line):
                    return line
        raise AssertionError(f"it ended without {pattern!r}:\n{self.said}")

    def type(self, line: str) -> None:
        """Give an answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def ends(self) -> int:
        """Its exit code; all that it has said is read."""
        out, _ = await asyncio.wait_for(self.process.communicate(), PATIENCE_S)
        self.said += out.decode()
        return self.process.returncode or 0


@asynccontextmanager
async def _game(folder: Path, *options: str) -> AsyncGenerator[Game]:
    words = ["-m", "drills", f"--seed={SEED}", "--quiet-s=1", "--latency-ms=20"]
    words += [f"--only={kind}" for kind in SOME]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *words, *options),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield Game(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def _at(folder: Path) -> list[str]:
    """The command lines of the processes that work in this folder or name it."""
    found: list[str] = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            words = (place / "cmdline").read_text(errors="replace").replace("\0", " ")
            if str(folder) in words or (place / "cwd").readlink().is_relative_to(folder):
                found.append(words)
    return found


def _names(folder: Path, pattern: str) -> set[str]:
    """What is in there."""
    return {path.name for path in folder.glob(pattern)}


async def _nothing_is_left(folder: Path) -> None:
    async def is_gone() -> bool:
        return not _at(folder)

    await until(is_gone, what="the end of every process")  # SIGKILL takes a moment to be obeyed
    assert not _names(folder, "llm-worker-*")


async def _is_noticed(page: str) -> None:
    async def is_not_ready() -> bool:
        async with aiohttp.ClientSession() as http, http.get(f"{page}ready") as response:
            return response.status == 503

    await until(is_not_ready, what="the outage in /ready", patience_s=PATIENCE_S)


async def _workers_seen(env_file: str) -> int:
    """How many a shell sees that has sourced the file."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", '. "$1" && python -c "$2" status --json', "sh", env_file, PROGRAM),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return len(json.loads(out)["workers"])


async def test_two_incidents_are_found_and_every_job_is_accounted_for(tmp_path: Path) -> None:
    """Wrong, unclear, right; given up; then the table, exit code 0, no process and no folder."""
    first, second = draw(SEED, 2, SOME)
    kept = tmp_path / "kept"
    async with _game(tmp_path, "--keep", str(kept)) as game:
        env_file = (await game.says(r"source \S+")).split()[-1]
        page = (await game.says("pages")).split()[1]
        assert _at(tmp_path)
        assert _names(tmp_path, "llm-worker-*")
        await game.says("Something is odd")
        await _is_noticed(page)
        assert await _workers_seen(env_file) == 2
        for answer in ("the weather", second, "look", str(choices().index(first) + 1)):
            game.type(answer)
        await game.says("Right, after")
        await game.says("docs/operations.md")
        await game.says("As it was")
        await game.says("Something is odd")
        await _is_noticed(page)
        game.type("give up")
        assert await game.ends() == 0, game.said
    assert "not on the list" in game.said
    assert "something else" in game.said
    assert "given up" in game.said
    assert re.search(r"jobs enqueued +[1-9]", game.said)
    assert re.search(r"lost +0\n +done twice +0\n", game.said)
    assert "The account balances." in game.said
    assert f"To play it again: --seed={SEED} --quiet-s=1 " in game.said
    assert {"worker-1.log", "core.sqlite3"} <= _names(kept, "*")
    await _nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("number", "moment"), [(signal.SIGINT, "Type a number"), (signal.SIGTERM, "Starting")]
)
async def test_broken_off_it_leaves_nothing(
    tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    """While it waits for an answer, something being broken; and while everything starts."""
    async with _game(tmp_path) as game:
        await game.says(moment)
        game.process.send_signal(number)
        assert await game.ends() == 130, game.said
    assert "Traceback" not in game.said
    await _nothing_is_left(tmp_path)
