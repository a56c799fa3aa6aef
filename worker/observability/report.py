"""One log line per job that has ended."""

import structlog

from worker.job import Job
from worker.outcome import Failed, Outcome

log = structlog.get_logger(__name__)


def report(job: Job, outcome: Outcome) -> None:
    """Say what came of a job, what it took, and, for a dead letter, why."""
    fields = job.log_fields | {
        "outcome": outcome.kind,
        "attempt": job.attempts,
        "wait_ms": round(job.wait_s * 1_000),
        "llm_ms": round(job.usage.llm_s * 1_000),
        "deliver_ms": round(job.deliver_s * 1_000),
        "tokens_in": job.usage.tokens_in,
        "tokens_out": job.usage.tokens_out,
    }
    if isinstance(outcome, Failed):
        why = {"reason": str(outcome.reason), "cause": outcome.cause, "why": outcome.message}
        log.error("job_dead", **fields, **why)
    else:
        log.info("job_done", **fields)
