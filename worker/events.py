"""Lifecycle events, as flat fields for `<prefix>:events`: what others may learn of a job's end."""

from worker.job import Job
from worker.outcome import Completed, Failed, Outcome


def ended(job: Job, outcome: Outcome, now: float) -> dict[str, str]:
    """The event of a job that has ended; never anything of its payload or answer.

    Args:
        job: whose it is.
        outcome: what came of it.
        now: Unix seconds.
    """
    facts = job.facts
    fields: dict[str, object] = {
        "event": "completed" if isinstance(outcome, Completed) else "dead",
        "job_id": job.job_id,
        "job_type": job.entry.job_type,
        "user_id": facts.user_id if facts else None,
        "tenant": facts.tenant if facts else None,
        "entry_id": job.entry.entry_id,
        "attempt": job.attempts,
        "wait_ms": round(job.wait_s * 1_000),
        "llm_ms": round(job.usage.llm_s * 1_000),
        "deliver_ms": round(job.deliver_s * 1_000),
        "reason": outcome.reason if isinstance(outcome, Failed) else None,
        "cause": (outcome.cause or None) if isinstance(outcome, Failed) else None,
        "at": f"{now:.3f}",
    }
    return {name: str(value) for name, value in fields.items() if value is not None}
