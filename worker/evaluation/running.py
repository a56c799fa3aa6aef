"""Cases through the real handlers: as jobs run, but without Redis, and without a second chance."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from pydantic import JsonValue

from worker.errors import Halt, JobError, Reject, Retryable, Snooze
from worker.evaluation.dataset import Case, Dataset
from worker.evaluation.metrics import Metric, mark, mark_of_none, metric_of
from worker.evaluation.report import CaseError, CaseOutcome, Spent
from worker.evaluation.scoring import Mark
from worker.evaluation.sources import CaseCore, Sources
from worker.handlers import HANDLERS
from worker.handlers.handler import Tools
from worker.llm.causes import http_cause
from worker.llm.chat import LLM, Usage
from worker.llm.structured import Asker
from worker.outcome import Completed

log = structlog.get_logger(__name__)

_RATE_LIMITED = http_cause(429)
_RATE_LIMITED_S = 2.0
_RATE_LIMITED_MAX = 30
"""Waits that a case may have for a provider that counts calls by the minute."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a set is run.

    Attributes:
        concurrency: cases at once.
        attempts: tries of a case whose failure may pass.
        repeat: how often each case is run.
        limit: so many cases of each set, the first; None for all.
    """

    text_timeout_s: float = 60.0
    vision_timeout_s: float = 120.0
    concurrency: int = 8
    attempts: int = 1
    repeat: int = 1
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """One set being run.

    Attributes:
        report: is told of each case when it is done.
    """

    llm: LLM
    sources: Sources
    terms: Terms
    report: Callable[[CaseOutcome], None]

    async def run(self, dataset: Dataset) -> None:
        """Run every case.

        Raises:
            Snooze: the model server is away.
            Halt: the settings cannot work with it.
        """
        metric = metric_of(dataset.about)
        chosen = dataset.cases[: self.terms.limit]
        waiting = iter([(case, run) for run in range(self.terms.repeat) for case in chosen])

        async def work() -> None:
            for case, run in waiting:  # shared: each goes to one of the workers
                self.report(await self._outcome(case, run + 1, metric))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.terms.concurrency):
                    group.create_task(work())
        except ExceptionGroup as failed:
            raise _first(failed) from None

    async def _outcome(self, case: Case, run: int, metric: Metric) -> CaseOutcome:
        usage = Usage()
        started = time.perf_counter()
        answer = await self._answer(case, usage)
        seconds = time.perf_counter() - started
        came, error, result = _judged(case, answer)
        return CaseOutcome(
            id=case.case_id,
            run=run,
            valid=error is None,
            score=metric.score(came),
            hits=came.hits,
            found=came.found,
            wanted=came.wanted,
            also=dict(came.also),
            expected=case.expect.model_dump(mode="json", exclude_defaults=True),
            answer=result,
            error=error,
            spent=_spent(usage, seconds),
        )

    async def _answer(self, case: Case, usage: Usage) -> Completed | Exception:
        tools = self._tools(case, usage)
        attempt, limited = 1, _RATE_LIMITED_MAX
        while True:
            try:
                return await HANDLERS[case.job_type].run(case.payload, tools)
            except Snooze as error:
                if error.cause != _RATE_LIMITED or not limited:
                    raise
                limited -= 1
                await asyncio.sleep(error.after_s or _RATE_LIMITED_S)
            except Halt:
                raise
            except Retryable as error:
                if attempt == self.terms.attempts:
                    return error
                attempt += 1
                await asyncio.sleep(error.after_s or 0)
            except Exception as error:  # a bug in a handler is a finding, not the end of the run
                return error

    def _tools(self, case: Case, usage: Usage) -> Tools:
        return Tools(
            ask=Asker(
                llm=self.llm,
                usage=usage,
                request_id=f"eval-{case.case_id}",
                text_timeout_s=self.terms.text_timeout_s,
                vision_timeout_s=self.terms.vision_timeout_s,
            ),
            core=CaseCore(case.tasks),
            images=self.sources.images,
            documents=self.sources.documents,
            user_id=case.user_id,
            enqueued_at=case.enqueued_at,
        )


def _judged(case: Case, answer: Completed | Exception) -> tuple[Mark, CaseError | None, JsonValue]:
    if isinstance(answer, Completed):
        effects: list[JsonValue] = [effect.model_dump(mode="json") for effect in answer.effects]
        return mark(case, answer), None, {"result": answer.result, "effects": effects}
    if isinstance(answer, JobError):
        return mark_of_none(case, answer), _told(answer), None
    log.error("handler_bug", case=case.case_id, exc_info=answer)
    return mark_of_none(case, None), CaseError(cause="bug", message=type(answer).__name__), None


def _told(error: JobError) -> CaseError:
    reason = str(error.reason) if isinstance(error, (Reject, Retryable)) else ""
    raw = error.raw_answer if isinstance(error, Retryable) else ""
    return CaseError(cause=error.cause or reason, message=str(error), raw_answer=raw)


def _spent(usage: Usage, seconds: float) -> Spent:
    return Spent(
        seconds=round(seconds, 3),
        calls=usage.calls,
        reasks=usage.reasks,
        repaired=usage.repaired,
        dropped=usage.dropped,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        tokens_cached=usage.tokens_cached,
    )


def _first(failed: ExceptionGroup) -> Exception:
    """What stopped the run: a server that is away matters less than settings that cannot work."""
    halts = [error for error in failed.exceptions if isinstance(error, Halt)]
    return (halts or list(failed.exceptions))[0]
