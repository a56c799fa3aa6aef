"""Lifecycle events for `<prefix>:events`: what others may learn of a job, step by step.

The end is told with the settle or the dead letter, exactly once; `telling` tells what comes before.
"""

from typing import Any

from shared.events import EventName, JobEvent, encode_event
from worker.job import Job
from worker.outcome import Completed, Failed, Outcome


def event_of(job: Job, name: EventName, now: float, **more: Any) -> JobEvent:
    """An event with what is known of a job; never anything of its payload or answer.

    Args:
        job: whose it is.
        name: what has happened.
        now: Unix seconds.
        more: further fields of `JobEvent`.
    """
    facts = job.facts
    told: dict[str, Any] = {"attempt": job.attempts} | more
    return JobEvent(
        event=name,
        job_id=job.job_id,
        job_type=job.entry.job_type,
        user_id=facts.user_id if facts else None,
        tenant=facts.tenant if facts else None,
        entry_id=job.entry.entry_id,
        wait_ms=round(job.wait_s * 1_000),
        at=now,
        **told,
    )


def ended(job: Job, outcome: Outcome, now: float) -> dict[str, str]:
    """The event of a job that has ended, as the scripts take it; else as `event_of`."""
    name = EventName.COMPLETED if isinstance(outcome, Completed) else EventName.DEAD
    event = event_of(
        job,
        name,
        now,
        llm_ms=round(job.usage.llm_s * 1_000),
        deliver_ms=round(job.deliver_s * 1_000),
        **why(outcome),
    )
    return encode_event(event)


def why(outcome: Outcome) -> dict[str, str | None]:
    """Why there is no answer, in words that quote nothing."""
    if not isinstance(outcome, Failed):
        return {}
    return {"reason": str(outcome.reason), "cause": outcome.cause or None}
