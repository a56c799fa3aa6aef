"""`llm-worker top` on a terminal: keys choose a stream, pause and resume it, and end it."""

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.process.bench import Bench, until
from tests.process.command_line import PROGRAM
from worker.embedded.service import clean_environ

pytestmark = pytest.mark.process


@dataclass
class Keyboard:
    """A terminal's other end: what is typed, and what is seen."""

    fd: int
    process: asyncio.subprocess.Process
    seen: str = ""

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())

    def look(self) -> None:
        """Read what has come."""
        try:
            self.seen += os.read(self.fd, 65_536).decode(errors="replace")
        except OSError:  # its process has ended
            asyncio.get_running_loop().remove_reader(self.fd)


@asynccontextmanager
async def _top(bench: Bench) -> AsyncGenerator[Keyboard]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    environ = clean_environ() | {"REDIS_URL": bench.stack.redis.url, "TERM": "xterm"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "top", "--every", "0.2"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
    )
    os.close(theirs)
    keyboard = Keyboard(ours, process)
    asyncio.get_running_loop().add_reader(ours, keyboard.look)
    try:
        yield keyboard
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        if process.returncode is None:
            process.kill()
        await process.wait()
        os.close(ours)


async def _paused(bench: Bench) -> list[bytes]:
    return list(await bench.command("HKEYS", bench.keys.paused))


async def test_keys_pause_and_resume(bench: Bench) -> None:
    """The chosen stream, at once and for the fleet; q leaves the terminal as it was."""
    async with _top(bench) as keyboard:

        async def shown() -> bool:
            return "arrows choose a stream" in keyboard.seen

        await until(shown, what="the screen")
        keyboard.press("\x1b[B")
        keyboard.press("p")

        async def paused() -> bool:
            return await _paused(bench) == [b"type:text_tag"]

        await until(paused, what="the pause")
        keyboard.press("r")

        async def resumed() -> bool:
            return await _paused(bench) == []

        await until(resumed, what="the resumption")
        keyboard.press("q")
        assert await asyncio.wait_for(keyboard.process.wait(), 30) == 0
    assert "text_tag: paused" in keyboard.seen
    assert keyboard.seen.rstrip().endswith(("\x1b[?1049l", "\x1b[?25h"))
