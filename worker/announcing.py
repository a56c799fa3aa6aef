"""Tells Core `processing`: only of jobs that last, as it is one request more for each that is told.

Nearly all answers of a quick model are there before anybody could have read that they were on their
way. All jobs wait equally long, so they come due in the order in which they came, and one timer
serves all of them.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context

import structlog

from worker.errors import JobError
from worker.job import Job

log = structlog.get_logger(__name__)


class Announcing:
    """Announces jobs that are still being answered when their time has come.

    Args:
        tell: tells Core of a job by its id; a `JobError` is let pass, as the job goes on without.
        after_s: seconds from a job's first try; 0 for all jobs, at once.
    """

    def __init__(self, tell: Callable[[str], Awaitable[None]], after_s: float) -> None:
        self._tell = tell
        self._after_s = after_s
        self._expected: OrderedDict[Job, tuple[float, Context]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, job: Job) -> None:
        """A try begins; it is announced later, once, unless `forget` comes first."""
        if job.job_id is None or job.processing is not None or job in self._expected:
            return
        context = copy_context()  # its request belongs to the job's trace
        if not self._after_s:
            self._announce(job, context)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + self._after_s
        self._expected[job] = due, context
        if self._timer is None:
            self._timer = loop.call_at(due, self._come_due, context=Context())

    def forget(self, job: Job) -> None:
        """It is answered, or it is no longer ours; a request that is on its way goes on."""
        self._expected.pop(job, None)

    def _come_due(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._expected:
            job, (due, context) = next(iter(self._expected.items()))
            if due > loop.time():
                self._timer = loop.call_at(due, self._come_due, context=Context())
                return
            del self._expected[job]
            self._announce(job, context)

    def _announce(self, job: Job, context: Context) -> None:
        job.processing = asyncio.get_running_loop().create_task(
            self._told(str(job.job_id)), context=context
        )

    async def _told(self, job_id: str) -> None:
        try:
            await self._tell(job_id)
        except JobError as error:
            log.debug("processing_not_told", job_id=job_id, error=str(error))
