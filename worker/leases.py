"""What this worker holds, renewed together.

A claimed entry is ours for `WORKER_LEASE_S`; every third of that all leases are renewed, through
retries, delivery and drain. A job whose lease is lost is cancelled: another worker has it.
"""

import asyncio
from collections.abc import Callable, Iterator

import structlog

from worker.job import Job, Stage
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import insist

log = structlog.get_logger(__name__)


class Leases:
    """The jobs in this worker's hands, by entry."""

    def __init__(self, queue: JobQueue, lease_s: float) -> None:
        self._queue = queue
        self._lease_s = lease_s
        self._held: dict[tuple[str, str], tuple[Job, asyncio.Task[None]]] = {}
        self._spared: set[Job] = set()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Job]:
        return iter([job for job, _ in self._held.values()])

    def holds(self, job_type: str, entry_id: str) -> bool:
        """Whether this entry is being worked on here already."""
        return (job_type, entry_id) in self._held

    def hold(self, job: Job, task: asyncio.Task[None]) -> None:
        """Renew this job's lease from now on; `task` is cancelled when it is lost."""
        self._held[job.entry.job_type, job.entry.entry_id] = (job, task)

    def drop(self, job: Job) -> None:
        """Stop renewing: the job is settled, released or lost."""
        self._held.pop((job.entry.job_type, job.entry.entry_id), None)

    def cancel_all(self) -> None:
        """Cancel every job; each hands its entry back.

        One that is found at that already is left alone the first time: cut off there, its entry
        would wait for the lease to run out.
        """
        for job, task in list(self._held.values()):
            if job.stage is Stage.HAND_BACK and job not in self._spared:
                self._spared.add(job)
            else:
                task.cancel()

    async def renew(self) -> None:
        """Renew every lease once, and cancel the jobs whose lease is lost."""
        entries = [job.entry for job, _ in self._held.values()]
        ours = await self._queue.renew(entries)
        for entry, is_ours in zip(entries, ours, strict=True):
            if not is_ours:
                self._lose(entry.job_type, entry.entry_id)

    def _lose(self, job_type: str, entry_id: str) -> None:
        job, task = self._held.get((job_type, entry_id), (None, None))
        if job is None or task is None or job.stage is Stage.SETTLE:
            return  # settled while the renewal was on its way; the settle itself tells if not
        job.lost = True
        log.warning("lease_lost", **job.log_fields, stage=job.stage)
        task.cancel()

    async def renew_forever(self, beat: Callable[[], None]) -> None:
        """Renew every third of a lease, until cancelled; `beat` is told of each try.

        Not of each success: restarting a worker because Redis is away would cost its answers.
        """

        async def renew() -> None:
            beat()
            await self.renew()

        while True:
            await insist(renew, doing="renew leases")
            await asyncio.sleep(self._lease_s / 3)
