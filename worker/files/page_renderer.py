"""The worker's side of `worker.files.pdf_pages`: starts a process for each page, and bounds it.

Whatever that process does, the answer here is a value: pixels of the size that was asked for, a
verdict, or how it died. It is waited for in any case; none is left behind.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from worker.errors import Halt, Retryable
from worker.files import pdf_pages
from worker.files.image_files import OpenFile
from worker.files.pdf_pages import ANSWER, NO_PDFIUM, READY, Order, Picture, Verdict

AT_ONCE = 2
_PROGRAM = Path(pdf_pages.__file__)
_MEMORY = 1 << 30
"""Bytes of address space; a page of a scanned A3 at 600 dots per inch takes half of it."""
_START_S = 30.0
_PAGES_MAX = 10_000_000
_READ_AHEAD = 1 << 20
_KEPT_ENVIRONMENT = ("LD_LIBRARY_PATH",)
"""What some Pythons need to start; in the rest there are keys."""


class Death(Enum):
    """How a process ended that gave no proper answer."""

    CRASHED = "crashed"
    TOO_SLOW = "too slow"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one order."""

    outcome: Verdict | Death
    page_count: int = 0
    picture: Picture | None = None
    """There if a page was asked for and the outcome is `DONE`."""


class PageRenderer:
    """Draws pages, in two processes at once at most; the others wait.

    Args:
        pixels: width times height of a page's picture, at most.
        timeout_s: how long one page may take, the start of its process not counted.
    """

    def __init__(self, pixels: int, timeout_s: float) -> None:
        self._pixels = pixels
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(AT_ONCE)

    async def render(self, file: OpenFile, page: int) -> Answer:
        """Draw a page, counted from 1; with 0, only count the pages.

        A cancelled call ends its process.

        Raises:
            Retryable: no process could be started, or the disk failed.
            Halt: PDFium is not installed.
        """
        order = Order(
            parent_pid=os.getpid(),
            page=page,
            size=file.size,
            pixels=self._pixels,
            memory=_MEMORY,
            cpu_s=int(self._timeout_s) + 2,  # for where the worker is no longer there to end it
        )
        async with self._places:
            answer = await self._carried_out(order, file.descriptor)
        if answer.outcome is Verdict.UNREADABLE:
            raise Retryable("the image folder cannot be read")
        return answer

    async def _carried_out(self, order: Order, descriptor: int) -> Answer:
        process = await _started(order, descriptor)
        try:
            if not await _is_ready(process):
                raise _no_start(process.returncode)
            async with asyncio.timeout(self._timeout_s):
                answer = await _answer(process, order)
                await process.wait()
                return answer
        except TimeoutError:
            return Answer(Death.TOO_SLOW)
        finally:
            await _end(process)


async def _started(order: Order, descriptor: int) -> Process:
    command = (sys.executable, "-I", str(_PROGRAM), *map(str, order))
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=descriptor,
            stdout=PIPE,
            stderr=DEVNULL,
            env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},
            limit=_READ_AHEAD,
        )
    except OSError as error:
        raise Retryable(f"no PDF reader can be started: {error.strerror}") from error


async def _is_ready(process: Process) -> bool:
    """Whether it has begun; if not, it has ended, unless it is stuck."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            if await _output(process).read(1) == READY:
                return True
            await process.wait()
    return False


def _no_start(exit_code: int | None) -> Halt | Retryable:
    if exit_code == NO_PDFIUM:
        return Halt("pypdfium2 is not installed or does not fit this system")
    return Retryable(f"a PDF reader did not start (exit code {exit_code})")


async def _answer(process: Process, order: Order) -> Answer:
    """Read an answer, believing nothing: the document may have taken that process over."""
    out = _output(process)
    try:
        code, count, width, height = ANSWER.unpack(await out.readexactly(ANSWER.size))
        if code not in {*Verdict} or count > _PAGES_MAX:
            return Answer(Death.CRASHED)
        if code != Verdict.DONE or order.page == 0:
            return Answer(Verdict(code), count)
        if not (width > 0 and height > 0 and width * height <= order.pixels):
            return Answer(Death.CRASHED)
        rgb = await out.readexactly(width * height * 3)
    except asyncio.IncompleteReadError:
        return Answer(Death.CRASHED)
    return Answer(Verdict.DONE, count, Picture(width, height, rgb))


def _output(process: Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise RuntimeError("the process was started without a pipe")
    return process.stdout


async def _end(process: Process) -> None:
    """Leave nothing of it, whether it has ended or not."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.communicate()  # the pipe is closed when it is read to its end
