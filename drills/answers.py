"""Where the trainee's lines come from: a terminal, a pipe, a file, a fifo."""

import asyncio
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

_PIECE_BYTES = 4_096


class Answers:
    """Lines that are read in a thread of their own, so that the game goes on meanwhile.

    Args:
        source: a file or a fifo; None is what is typed here.
    """

    def __init__(self, source: Path | None = None) -> None:
        self._source = source
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._is_over = False

    def begin(self) -> None:
        """Read from now on; called once, inside the event loop."""
        loop = asyncio.get_running_loop()
        # A thread that blocks in a read cannot be ended: it must not be waited for at the exit.
        Thread(target=self._read, args=(loop,), name="answers", daemon=True).start()

    async def line(self) -> str | None:
        """The next line that is not blank; None when there will be no more."""
        while not self._is_over:
            line = await self._lines.get()
            if line is None:
                self._is_over = True
            elif line.strip():
                return line.strip()
        return None

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        def put(line: str | None) -> None:
            with suppress(RuntimeError):  # the game is over, its loop closed
                loop.call_soon_threadsafe(self._lines.put_nowait, line)

        rest = b""
        try:
            # Not through sys.stdin: its lock, held by a blocked read, would break Python's exit.
            source = sys.stdin.fileno() if self._source is None else _open(self._source)
            while piece := os.read(source, _PIECE_BYTES):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    put(line.decode(errors="replace"))
        except (OSError, ValueError):  # there is nothing to read from
            pass
        put(rest.decode(errors="replace"))
        put(None)


def _open(source: Path) -> int:
    # A fifo that we could write to as well does not end when one of its writers has gone.
    is_fifo = stat.S_ISFIFO(source.stat().st_mode)
    return os.open(source, os.O_RDWR if is_fifo else os.O_RDONLY)
