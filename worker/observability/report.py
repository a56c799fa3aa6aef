"""One log line per job that has ended."""

import structlog

from worker.job import Job
from worker.llm.prices import NO_PRICES, Prices, usage_report
from worker.outcome import Failed, Outcome

log = structlog.get_logger(__name__)


def report(job: Job, outcome: Outcome, *, prices: Prices = NO_PRICES) -> None:
    """Say what came of a job, what it took and cost, and, for a dead letter, why."""
    spent = job.spent or usage_report(job.usage, prices)
    fields = job.log_fields | {
        "outcome": outcome.kind,
        "attempt": job.attempts,
        "wait_ms": round(job.wait_s * 1_000),
        "llm_ms": round(job.usage.llm_s * 1_000),
        "deliver_ms": round(job.deliver_s * 1_000),
        "calls": spent.calls,
        "reasks": spent.reasks,
        "tokens_in": spent.tokens_in,
        "tokens_out": spent.tokens_out,
        "tokens_cached": spent.tokens_cached,
    }
    if spent.cost is not None:
        fields |= {"cost": spent.cost, "currency": prices.currency}
    if isinstance(outcome, Failed):
        why = {"reason": str(outcome.reason), "cause": outcome.cause, "why": outcome.message}
        log.error("job_dead", **fields, **why)
    else:
        log.info("job_done", **fields)
