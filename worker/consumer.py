"""The loop: claim what there is room for, and bring each job to its end.

claim ─► answer (admit, infer, retry) ─► deliver (record, effects, PATCH) ─► settle
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, cast

import structlog

from worker.answering import Answering, where
from worker.claiming import Claiming
from worker.clock import Clock
from worker.delivery import Delivery
from worker.errors import Halt
from worker.gates import Gates
from worker.job import NOBODY, HandBack, Job, LeaseLost, Stage, Witness
from worker.leases import Leases
from worker.outcome import Outcome
from worker.parking import Parking
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import OUTAGE, insist
from worker.slots import Slots

log = structlog.get_logger(__name__)


class Report(Protocol):
    """Told of every job that has ended."""

    def __call__(self, job: Job, outcome: Outcome) -> None:
        """Say so: one log line."""
        ...


@dataclass(frozen=True, slots=True)
class Hands:
    """What the loop works with."""

    queue: JobQueue
    claiming: Claiming
    slots: Slots
    leases: Leases
    parking: Parking
    gates: Gates
    answering: Answering
    delivery: Delivery


class Consumer:
    """Runs jobs until it is told to stop."""

    def __init__(
        self, hands: Hands, report: Report, clock: Clock, witness: Witness = NOBODY
    ) -> None:
        self._hands = hands
        self._report = report
        self._clock = clock
        self._witness = witness
        self._stopping = asyncio.Event()
        self._halted: Halt | None = None
        self._beat: Callable[[], None] = lambda: None

    @property
    def halted(self) -> bool:
        """Whether it cannot go on, and hands back what it holds."""
        return self._halted is not None

    def on_turn(self, beat: Callable[[], None]) -> None:
        """Call `beat` on every turn of the loop: the sign that it lives."""
        self._beat = beat

    async def stop(self) -> None:
        """Stop claiming, and hand back at once what waits: for another try, or for its first."""
        self._stopping.set()
        self._hands.claiming.stop()
        self._hands.parking.close()
        self._hands.slots.clear()
        with suppress(*OUTAGE):  # then the read ends by its own timeout
            await self._hands.queue.wake()

    async def run(self) -> None:
        """Claim and work until stopped; returns when every job has ended or is handed back.

        Raises:
            Halt: the worker cannot go on; every job has been handed back.
        """
        try:
            async with asyncio.TaskGroup() as jobs:
                while not self._stopping.is_set():
                    self._beat()
                    for entry in await self._hands.claiming.next():
                        self._start(jobs, entry)
        except BaseExceptionGroup as group:
            raise _halt(cast("BaseException", group)) or group from None
        finally:
            for job in self._hands.leases:  # cancelled before they had begun
                await self._hand_back(job)
                self._hands.leases.drop(job)
        if self._halted is not None:
            raise self._halted

    def _start(self, jobs: asyncio.TaskGroup, entry: ClaimedEntry) -> None:
        if self._hands.leases.holds(entry.job_type, entry.entry_id):
            return  # it runs here already: reclaimed after a stall, or the group was made anew
        job = Job(entry, claimed_at=self._clock.now(), witness=self._witness)
        self._hands.slots.hold()
        self._hands.leases.hold(job, jobs.create_task(self._work(job)))

    # ---------------------------------------------------------------------- one job

    async def _work(self, job: Job) -> None:
        try:
            await self._to_its_end(job)
        except HandBack:
            await self._hand_back(job)
        except LeaseLost:
            log.warning("lease_lost", **job.log_fields, stage=job.stage)
            job.witness.left(job, "lease_lost")
        except Halt as error:
            await self._hand_back(job)
            await self._halt(error)
        except asyncio.CancelledError:
            if not job.lost:
                await self._hand_back(job)
                raise
            job.witness.left(job, "lease_lost")
        except Exception as error:
            # Ours, not the handler's. The entry stays pending: its next delivery counts, and a
            # job that does this every time ends as poison. Without the error's message: it may
            # quote a payload.
            log.error("worker_bug", **job.log_fields, stage=job.stage, where=where(error))  # noqa: TRY400
            job.witness.left(job, "worker_bug")
        finally:
            self._hands.leases.drop(job)
            self._hands.slots.drop()
            if job.processing is not None:
                job.processing.cancel()

    async def _halt(self, error: Halt) -> None:
        # Not by raising it here: that would cancel the claim, and what it brings would be pending
        # to nobody until its lease is over.
        self._halted = self._halted or error
        await self.stop()
        self._hands.leases.cancel_all()

    async def _to_its_end(self, job: Job) -> None:
        if self._stopping.is_set():
            self._hands.slots.give_back()
            raise HandBack
        outcome = await self._hands.answering.answer(job)
        outcome = await self._hands.delivery.deliver(job, outcome)
        job.witness.ended(job, outcome)
        self._report(job, outcome)

    async def _hand_back(self, job: Job) -> None:
        job.witness.left(job, "handed_back")
        if job.stage is Stage.SETTLE:
            return  # the settle may be on its way; if it is not, the lease runs out
        stage, job.stage = job.stage, Stage.HAND_BACK
        await insist(lambda: self._hands.queue.release(job.entry), doing="hand back")
        log.info("handed_back", **job.log_fields, stage=stage)


def _halt(error: BaseException) -> Halt | None:
    """The first `Halt` in a group, or the error itself if it is one."""
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return next((halt for halt in map(_halt, inner) if halt is not None), None)
    return error if isinstance(error, Halt) else None
