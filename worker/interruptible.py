"""A job that can be cut off while it is answered: its task goes on, with the news.

Apart from a lost lease and from a shutdown, which cancel the task and mean it. `asyncio.timeout`
knows to tell its own cancellation from others' that come in the same moment.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from worker.job import Job


class Interrupted(Exception):
    """Somebody has cancelled the job."""


@asynccontextmanager
async def interruptible(job: Job) -> AsyncGenerator[None]:
    """Let `job.interrupt()` end the block, from any other task of this loop.

    Raises:
        Interrupted: it has.
    """
    loop = asyncio.get_running_loop()
    scope = asyncio.timeout(None)

    def interrupt() -> None:
        job.interrupt = _not_now
        scope.reschedule(loop.time())

    try:
        async with scope:
            job.interrupt = interrupt
            try:
                yield
            finally:
                job.interrupt = _not_now
    except TimeoutError:
        if scope.expired():
            raise Interrupted from None
        raise


def _not_now() -> None:
    """It has its answer, or is cut off already."""
