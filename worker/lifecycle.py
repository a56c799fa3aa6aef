"""Start, run, drain: signals and the grace period, as nested scopes.

background loops (leases, settles, health …)     outlive
  the consumer                                   which outlives
    its jobs
"""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from enum import IntEnum
from typing import Any

import structlog

log = structlog.get_logger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class ExitCode(IntEnum):
    """What the process says when it ends."""

    DRAINED = 0
    """Told to stop; every job ended or was handed back."""
    CRASHED = 1
    """A bug; the traceback is in the log."""
    MISCONFIGURED = 2
    """A setting is wrong, or there is nothing to start with; nothing was claimed."""
    HALTED = 3
    """The worker could not go on (bad key, unknown model …); every job was handed back."""
    DEAD = 4
    """A job that was waited for has ended as a dead letter."""
    TIMED_OUT = 5
    """What was waited for has not come in the time given."""
    FORCED = 130
    """A second signal, or Ctrl-C; leases of what was left run out by themselves."""


class Shutdown:
    """What signals ask for: the first to drain, the second to leave at once."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        self.now = asyncio.Event()

    def ask(self, name: str) -> None:
        """Take one signal."""
        if self.drain.is_set():
            self.leave_now(name)
        else:
            self.begin_drain(name)

    def begin_drain(self, why: str) -> None:
        """Drain, by a signal's or another's word; said again it changes nothing."""
        if not self.drain.is_set():
            log.info("draining", signal=why)
            self.drain.set()

    def leave_now(self, why: str) -> None:
        """Leave without waiting for the rest."""
        self.begin_drain(why)
        if not self.now.is_set():
            log.warning("leaving_now", signal=why)
            self.now.set()


async def finished_before(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do some work, and give it up when the event comes first; whether it was finished.

    Raises:
        Exception: what the work raises.
    """
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    if working.cancelled():
        return False
    working.result()
    return True


@contextmanager
def listening(take: Callable[[str], None]) -> Generator[None]:
    """Give the name of each SIGTERM and SIGINT away while the block runs."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, take, number.name)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def background(*loops: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Run loops beside the block; one that ends or fails takes the block down with it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_endless(loop)) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _endless(loop: Coroutine[Any, Any, None]) -> None:
    await loop
    raise RuntimeError(f"{loop.__qualname__} ended while the worker runs")


async def drain_within(
    grace_s: float, shutdown: Shutdown, cancel_rest: Callable[[], int], *, force_s: float = 2.0
) -> None:
    """After the signal to drain: wait the grace, then cancel what is left until nothing is.

    Args:
        grace_s: seconds running jobs may take.
        shutdown: `now` cuts the grace short.
        cancel_rest: cancels every job (each hands its entry back) and tells how many there were.
        force_s: seconds a hand-back may take before it is cancelled too.
    """
    try:
        async with asyncio.timeout(grace_s):
            await shutdown.now.wait()
    except TimeoutError:
        pass
    while left := cancel_rest():
        log.warning("handing_back_the_rest", jobs=left)
        await asyncio.sleep(force_s)
