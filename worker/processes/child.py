"""One process, as its parent sees it: started, told, asked after its health, killed."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp

from worker.processes.line import Line
from worker.processes.obeying import DRAIN, NOW, PORT

_START_S = 120.0
"""Until the health port is up: imports, on a machine where all processes start at once."""
_SILENT_S = 30.0
"""Without a good answer for so long, it is stuck."""


class Child:
    """A running process; made by `start`.

    Attributes:
        index: its number among its siblings.
        killed: whether its parent has ended it by force.
    """

    def __init__(
        self, index: int, process: Process, line: socket.socket, elapsed: Callable[[], float]
    ) -> None:
        self.index = index
        self.killed = False
        self._process = process
        self._elapsed = elapsed
        self._line = Line(line, self._heard, lambda: None)  # its end is seen by `ended`
        self._port: int | None = None
        self._up_since: float | None = None
        self._patience_until = elapsed() + _START_S

    @property
    def pid(self) -> int:
        """The operating system's number for it."""
        return self._process.pid

    @property
    def port(self) -> int | None:
        """Its health port, on 127.0.0.1; None while it is starting."""
        return self._port

    @property
    def is_stuck(self) -> bool:
        """Whether it has been silent for too long."""
        return self._elapsed() > self._patience_until

    @property
    def healthy_s(self) -> float:
        """Seconds since it was first well."""
        return 0.0 if self._up_since is None else self._elapsed() - self._up_since

    async def ended(self) -> int:
        """Wait for its end; returns its exit status, a signal as a negative number."""
        try:
            return await self._process.wait()
        finally:
            self._line.close()

    def drain(self) -> None:
        """Tell it to drain."""
        self._line.say(DRAIN)

    def leave_now(self) -> None:
        """Tell it not to wait any longer."""
        self._line.say(NOW)

    def kill(self) -> None:
        """End it at once. Nothing if it has ended."""
        if self._process.returncode is None:
            self.killed = True
            self._process.kill()

    async def look(self, session: aiohttp.ClientSession) -> None:
        """Ask whether it lives, and remember a good answer."""
        status, _ = await self.get(session, "/live")
        if status == 200:
            if self._up_since is None:
                self._up_since = self._elapsed()
            self._patience_until = self._elapsed() + _SILENT_S

    async def get(self, session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
        """A page of its health port: status and text; 503 and why, where there is none."""
        if self._port is None:
            return 503, "it is starting"
        try:
            async with session.get(f"http://127.0.0.1:{self._port}{path}") as response:
                return response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return 503, type(error).__name__

    def _heard(self, word: str) -> None:
        name, _, port = word.partition(" ")
        if name == PORT and port.isdecimal():
            self._port = int(port)


async def start(index: int, share: Mapping[str, str], elapsed: Callable[[], float]) -> Child:
    """Start a process of this number.

    In a session of its own, so that a terminal's Ctrl-C comes once: through its parent.

    Raises:
        OSError: the operating system has no room for it.
    """
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            *python("worker", "--process", str(index), "--parent-fd", str(theirs.fileno())),
            stdin=DEVNULL,
            env=environment(os.environ, share),
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()  # else the line would have no end when the child has
    return Child(index, process, ours, elapsed)


def python(*words: str) -> list[str]:
    """This Python with `-m`, and with the packages of this process.

    `-m` would look into the working folder first, and a folder of somebody's project may well hold
    a `worker` of its own; that is only wanted where this process itself has been started so.
    """
    here = {"", str(Path.cwd())} & set(sys.path)
    return [sys.executable, *([] if here else ["-P"]), "-m", *words]


def environment(parents: Mapping[str, str], share: Mapping[str, str]) -> dict[str, str]:
    """A parent's environment with a child's share; settings go by their names in any case."""
    return {n: value for n, value in parents.items() if n.upper() not in share} | dict(share)
