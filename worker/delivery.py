"""From an outcome to Core: record it, carry out its effects, say the last word, settle.

Once an outcome is recorded, no crash and no outage of Core's can cause the model to be asked again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from shared.enums import FailureReason
from shared.schemas import LLMJobUpdate
from worker.backlog import Backlog
from worker.clock import Clock
from worker.core_api_client import idempotency_key
from worker.errors import Halt, JobError, Service
from worker.events import ended
from worker.gates import Gates
from worker.job import Job, LeaseLost, Stage
from worker.outcome import Completed, Effect, Failed, Outcome, dump_outcome
from worker.parking import Parking
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import insist
from worker.queue.writing import Writing
from worker.retry import GiveUp, Retry, RetryTracker, StopWorker, Verdict, Wait

log = structlog.get_logger(__name__)


class Core(Protocol):
    """The part of Core that takes outcomes; what it raises is in `worker.errors`."""

    async def apply(self, effect: Effect, *, key: str) -> None:
        """Carry out one effect."""
        ...

    async def finish(self, job_id: str, update: LLMJobUpdate, *, key: str) -> None:
        """Say the last word about a job."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """How far a delivery goes."""

    attempts_max: int
    """Errors of Core's own (500) in a row; outages are waited out and not counted."""
    dead_letters_kept: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Where outcomes wait, and what for."""

    parking: Parking
    gates: Gates
    backlog: Backlog


class Delivery:
    """Carries outcomes to Core and takes their entries off the stream."""

    def __init__(
        self,
        queue: JobQueue,
        core: Core,
        writing: Writing,
        waiting: Waiting,
        limits: DeliveryLimits,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._core = core
        self._writing = writing
        self._parking = waiting.parking
        self._gate = waiting.gates[Service.CORE]
        self._backlog = waiting.backlog
        self._limits = limits
        self._clock = clock

    async def deliver(self, job: Job, outcome: Outcome) -> Outcome:
        """Bring an outcome home, and the job to its end.

        Returns:
            What Core has been told in the end: Core may refuse an answer.

        Raises:
            LeaseLost: the entry is another worker's now.
            HandBack: the worker is stopping and Core is away; the next one resumes here.
            Halt: the worker cannot go on.
        """
        job.stage = Stage.DELIVER
        started = self._clock.elapsed()
        raw = dump_outcome(outcome)
        self._backlog.add(len(raw))
        try:
            if not job.recorded:
                await self._record(job, raw)
            refused = await self._to_core(job, outcome)
            if refused is not None:
                await self._record(job, dump_outcome(refused))
                await self._to_core(job, refused)
            final = refused or outcome
            job.deliver_s = self._clock.elapsed() - started
            job.stage = Stage.SETTLE
            settling = self._clock.elapsed()
            await self._take_off(job, final)
            job.settle_s = self._clock.elapsed() - settling
        finally:
            self._backlog.remove(len(raw))
            self._gate.leave(job)
        return final

    # ---------------------------------------------------------------------- steps

    async def _record(self, job: Job, raw: bytes) -> None:
        started = self._clock.elapsed()
        if not await self._writing.record(job.entry, raw):
            raise LeaseLost
        job.record_s += self._clock.elapsed() - started

    async def _to_core(self, job: Job, outcome: Outcome) -> Failed | None:
        """Effects in order, each ticked off, then the PATCH; returns what became of a refusal."""
        skip = job.entry.delivered if job.recorded else 0
        try:
            for number, effect in enumerate(_effects(outcome)):
                if number >= skip:
                    await self._insist(job, self._effect_call(job, effect, number))
                    await self._tick(job, number + 1)
            await self._finish(job, outcome)
        except _RefusedError as refusal:
            return self._after_refusal(job, outcome, refusal.verdict)
        return None

    def _effect_call(self, job: Job, effect: Effect, number: int) -> Callable[[], Awaitable[None]]:
        key = idempotency_key(job.job_id or job.entry.entry_id, number, effect.kind)
        return lambda: self._core.apply(effect, key=key)

    async def _tick(self, job: Job, delivered: int) -> None:
        if not await self._writing.tick(job.entry, delivered):
            raise LeaseLost

    async def _finish(self, job: Job, outcome: Outcome) -> None:
        job_id = job.job_id
        if job_id is None:
            return  # an entry without a job id: there is nobody to tell
        if job.processing is not None and not job.processing.done():
            await asyncio.wait({job.processing})  # it must not arrive after the final one
        update = outcome.update
        # A replayed dead letter may fail again, as news.
        again = (job.entry.entry_id,) if isinstance(outcome, Failed) else ()
        key = idempotency_key(job_id, update.status, *again)
        await self._insist(job, lambda: self._core.finish(job_id, update, key=key))
        job.witness.told(job, outcome)

    async def _insist(self, job: Job, call: Callable[[], Awaitable[None]]) -> None:
        """Repeat a call until Core takes it or refuses it."""
        tracker = RetryTracker(self._limits.attempts_max)
        while True:
            if not self._gate.try_enter(job):
                await self._gate.wait(lambda: None)
                continue
            try:
                await call()
            except JobError as error:
                verdict = tracker.decide(error, time_left_s=None, jitter=self._clock.jitter())
            else:
                return self._gate.passed(job)
            await self._follow(job, verdict)

    async def _follow(self, job: Job, verdict: Verdict) -> None:
        """Wait for the next try, or raise that there is none."""
        match verdict:
            case Wait():
                self._gate.trip(job, verdict.why, verdict.after_s)
            case Retry():
                self._gate.passed(job)
                after_s = round(verdict.after_s, 1)
                log.warning("delivery_retry", **job.log_fields, why=verdict.why, after_s=after_s)
                await self._parking.park(verdict.after_s)
            case GiveUp():
                self._gate.passed(job)
                raise _RefusedError(verdict)
            case StopWorker():
                raise Halt(verdict.message)

    def _after_refusal(self, job: Job, outcome: Outcome, verdict: GiveUp) -> Failed | None:
        if isinstance(outcome, Failed):  # Core won't even hear that it failed: the letter stays
            log.warning("failure_not_told", **job.log_fields, why=verdict.message)
            return None
        return Failed(
            reason=FailureReason.CORE_REJECTED,
            message=verdict.message,
            attempts=job.attempts,
            undelivered=outcome,
        )

    async def _take_off(self, job: Job, outcome: Outcome) -> None:
        event = ended(job, outcome, self._clock.now())
        if isinstance(outcome, Completed):
            ours = await self._writing.settle(job.entry, event)
        else:
            letter = outcome.letter(self._clock.now())
            keep = self._limits.dead_letters_kept
            sent = 0

            async def move() -> bool:
                nonlocal sent
                sent += 1
                return await self._queue.dead_letter(job.entry, letter, event, keep=keep)

            # Not ours after a second sending: the first, whose reply was lost, has moved it.
            ours = await insist(move, doing="dead letter") or sent > 1
        if not ours:
            raise LeaseLost


class _RefusedError(Exception):
    """Core will never take this."""

    def __init__(self, verdict: GiveUp) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


def _effects(outcome: Outcome) -> tuple[Effect, ...]:
    return outcome.effects if isinstance(outcome, Completed) else ()
