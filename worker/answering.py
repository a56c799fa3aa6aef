"""From a claimed entry to an outcome: read it, admit it, let its handler answer, retry."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, assert_never

import structlog
from pydantic import ValidationError

from shared.enums import FailureReason
from shared.redis_streams import EntryError, JobEntry, decode_entry
from shared.schemas import Payload
from worker.announcing import Announcing
from worker.clock import Clock
from worker.errors import Halt, JobError, Service, Snooze
from worker.gates import Expired, Gates
from worker.handlers.handler import Handler
from worker.interruptible import Interrupted, interruptible
from worker.job import HandBack, Job, Stage
from worker.llm.prices import usage_report
from worker.outcome import Completed, Failed, Outcome, load_outcome
from worker.parking import Parking
from worker.retry import GiveUp, Retry, RetryTracker, StopWorker, Verdict, Wait, admit
from worker.slots import Seat, Slots
from worker.workshop import Workshop

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How far a job may go: each but the last is a setting of about the same name."""

    attempts_max: int
    deliveries_max: int
    alone_from_deliveries: int
    payload_max_bytes: int
    processing_after_s: float = 0.0
    cancelled: Callable[[Job], bool] = lambda _job: False
    """Whether nobody wants it any more."""


class Answering:
    """Finds the outcome of a job; changes nothing anywhere but `processing` in Core."""

    def __init__(
        self,
        workshop: Workshop,
        limits: AnswerLimits,
        slots: Slots,
        parking: Parking,
        gates: Gates,
        clock: Clock,
    ) -> None:
        self._workshop = workshop
        # By what entries say: making a JobType of it for each question costs more than the rest.
        self._handlers = {str(name): handler for name, handler in workshop.handlers.items()}
        self._limits = limits
        self._slots = slots
        self._parking = parking
        self._gates = gates
        self._clock = clock
        self._announcing = Announcing(workshop.core.mark_processing, limits.processing_after_s)
        self._alone: Job | None = None

    async def answer(self, job: Job) -> Outcome:
        """Bring a job to its outcome; it comes with a slot and leaves without.

        Raises:
            Halt: the worker cannot go on.
            HandBack: the job would have had to wait, but the worker is stopping, or another job
                must be alone; or it would have begun a try, but is paused.
        """
        seat = Seat(self._slots)
        try:
            payload = self._admitted(job)
            if isinstance(payload, Completed | Failed):
                return payload
            async with interruptible(job):
                return await self._until_answered(job, payload, seat)
        except Interrupted:
            return _cancelled(job)
        except Expired as error:
            message = f"the deadline passed while it waited: {error}"
            return Failed(reason=FailureReason.EXPIRED, message=message, attempts=job.attempts)
        finally:
            seat.leave()
            self._gates.leave(job)
            self._announcing.forget(job)

    async def _until_answered(self, job: Job, payload: Payload, seat: Seat) -> Outcome:
        needs = self._handler(job).needs
        tracker = RetryTracker(self._limits.attempts_max)
        while True:
            await self._ready(job, needs, seat)
            job.witness.started(job)
            self._announcing.expect(job)
            try:
                step = await self._try(job, payload, seat, needs, tracker)
            finally:
                if self._alone is job:
                    self._alone = None
            match step:
                case Wait():  # at its gate, where `needs` had not said that it would be asked, too
                    needs = needs if step.service in needs else (*needs, step.service)
                    job.witness.retried(job, step)
                case Retry():
                    job.witness.retried(job, step)
                    job.stage, job.due_at = Stage.PARKED, self._clock.now() + step.after_s
                    seat.leave()
                    await self._parking.park(step.after_s)
                case _:
                    return step

    async def _ready(self, job: Job, needs: tuple[Service, ...], seat: Seat) -> None:
        """Return with a slot and with every service there to be asked.

        A job that was delivered too often has all slots: if it is what kills workers, it is to
        take nobody along, and be known by it.
        """
        alone = job.entry.deliveries >= self._limits.alone_from_deliveries
        while True:
            if self._alone is not None:
                raise HandBack
            seat.alone = False
            await (seat.take_all() if alone else seat.take(1))
            seat.alone = alone
            if job.paused or (self._parking.closing and job.stage is Stage.PARKED):
                raise HandBack
            gate = self._gates.try_enter(needs, job)
            job.gate = None if gate is None else gate.service
            if gate is None:
                break
            job.stage, job.due_at = Stage.PARKED, 0.0
            seat.leave()
            await gate.wait(lambda: job.time_left_s(self._clock.now()))
        job.stage, job.due_at = Stage.INFER, 0.0
        if alone:
            log.warning("job_alone", **job.log_fields, deliveries=job.entry.deliveries)
            self._alone = job
            self._parking.clear()
            self._slots.clear()

    # ---------------------------------------------------------------------- steps

    def _admitted(self, job: Job) -> Payload | Outcome:
        """The payload as its type, or the outcome that makes asking needless."""
        refused = self._read(job)
        job.witness.seen(job)
        outcome = load_outcome(job.entry.outcome)
        if outcome is not None:
            job.recorded = True
            return outcome
        if refused is not None or job.facts is None:
            return refused or Failed(reason=FailureReason.MALFORMED_ENTRY, message="unreadable")
        if self._limits.cancelled(job):
            return _cancelled(job)
        refused = admit(
            deliveries=job.entry.deliveries,
            deliveries_max=self._limits.deliveries_max,
            deadline=job.facts.deadline,
            now=self._clock.now(),
        )
        return refused or self._typed(job, job.facts)

    def _read(self, job: Job) -> Failed | None:
        try:
            job.facts = decode_entry(
                job.entry.fields, payload_max_bytes=self._limits.payload_max_bytes
            )
        except EntryError as error:
            job.job_id = error.job_id
            return Failed(reason=error.reason, message=str(error))
        job.job_id = job.facts.job_id
        # The stream has them still; here they would be the payload once more, for as long as the
        # model takes.
        job.entry = replace(job.entry, fields={})
        return None

    def _typed(self, job: Job, facts: JobEntry) -> Payload | Failed:
        try:
            return self._handler(job).payload.model_validate(facts.payload)
        except ValidationError as error:
            return Failed(reason=FailureReason.INVALID_PAYLOAD, message=explain(error))

    def _handler(self, job: Job) -> Handler[Any]:
        return self._handlers[job.entry.job_type]

    async def _try(
        self,
        job: Job,
        payload: Payload,
        seat: Seat,
        needs: tuple[Service, ...],
        tracker: RetryTracker,
    ) -> Outcome | Retry | Wait:
        """Run the handler once; what failed comes back as what follows from it."""
        try:
            outcome = await self._asked(job, payload, seat, needs)
        except HandBack:
            raise
        except Exception as error:
            left_s = job.time_left_s(self._clock.now())
            verdict = tracker.decide(error, time_left_s=left_s, jitter=self._clock.jitter())
            job.attempts = tracker.tries.attempts
            if not isinstance(error, JobError):
                # Its place, not its message or traceback: those may quote the payload.
                log.error("handler_bug", **job.log_fields, where=where(error))  # noqa: TRY400
        else:
            job.attempts = tracker.tries.attempts + 1
            job.spent = usage_report(job.usage, self._workshop.prices)
            return outcome.costing(job.spent)
        return self._follow(job, verdict)

    def _follow(self, job: Job, verdict: Verdict) -> Failed | Retry | Wait:
        """Say what a failure leads to, and give what the job is to do next."""
        match verdict:
            case StopWorker():
                raise Halt(verdict.message)
            case GiveUp():
                return _failed(verdict, job.attempts)
            case Retry():
                job.trouble = verdict.why
                log.warning(
                    "job_retry",
                    **job.log_fields,
                    why=verdict.why,
                    cause=verdict.cause,
                    attempt=job.attempts,
                    attempts_max=self._limits.attempts_max,
                    after_s=round(verdict.after_s, 1),
                )
                return verdict
            case Wait():
                job.trouble = verdict.why
                log.debug("job_waits", **job.log_fields, service=verdict.service, why=verdict.why)
                return verdict
            case _:
                assert_never(verdict)

    async def _asked(
        self, job: Job, payload: Payload, seat: Seat, needs: tuple[Service, ...]
    ) -> Completed:
        """Run the handler, and tell the gates what that has shown of the services."""
        calls, started = job.usage.calls, self._clock.elapsed()
        tools = self._workshop.tools(
            job,
            seat,
            lambda: job.time_left_s(self._clock.now()),
            # One long job that is the probe holds nobody up once the model has answered it.
            lambda: self._gates.passed((Service.MODEL,), job),
        )
        try:
            outcome = await self._uncancelled(self._handler(job).run(payload, tools))
        except Exception as error:
            if isinstance(error, Snooze):
                if error.away:
                    self._gates[error.service].trip(job, str(error), error.after_s)
            elif job.usage.calls > calls:  # who failed before it had asked has shown nothing
                self._gates.passed(needs, job)
            self._gates.leave(job)
            raise
        finally:
            job.handler_s += self._clock.elapsed() - started
        self._gates.passed(needs, job)
        return outcome

    async def _uncancelled(self, run: Awaitable[Completed]) -> Completed:
        """Tell a handler that raises CancelledError by itself from one that is cancelled."""
        try:
            return await run
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise RuntimeError("the handler cancelled itself") from None


def _failed(verdict: GiveUp, attempts: int) -> Failed:
    return Failed(
        reason=verdict.reason,
        message=verdict.message,
        cause=verdict.cause,
        raw_answer=verdict.raw_answer,
        attempts=attempts,
    )


def _cancelled(job: Job) -> Failed:
    log.info("job_cancelled", **job.log_fields, stage=job.stage)
    return Failed(
        reason=FailureReason.CANCELLED, message="cancelled on request", attempts=job.attempts
    )


def explain(error: ValidationError) -> str:
    """What is wrong with a payload, by field, without what it holds."""
    lines = [
        f"{'.'.join(str(part) for part in item['loc']) or 'payload'}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)[:5]
    ]
    more = error.error_count() - len(lines)
    return "; ".join(lines)[:1_000] + (f" and {more} more" if more > 0 else "")


def where(error: BaseException) -> str:
    """Type and place of an error: `KeyError at worker/handlers/x.py:12 in f < …`."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__} at " + " < ".join(reversed(frames[-6:]))
