"""When a job is tried again, or what it waits for: as its worker tells, and by the clock. Pure."""

from worker.operations.words import age, called
from worker.steering.roster import HeldJob, WorkerFacts


def next_try(told: HeldJob, worker: WorkerFacts, now: float, *, silent: bool = False) -> str:
    """In words that follow "next try"; empty where it is under way.

    Args:
        told: what its worker tells of the job.
        worker: the same worker.
        now: Unix seconds; a worker tells every few seconds, so what it told may be over.
        silent: whether the worker has not been heard of lately.
    """
    if silent:
        return "when another worker takes it over"
    if told.waits_for:
        why = worker.gates.get(told.waits_for, "")
        return f"when {called(told.waits_for)} is back" + (f": {why}" if why else "")
    if told.stage != "parked":
        return ""
    if told.due_at > now:
        return f"in {age(told.due_at - now)}"
    if told.due_at > worker.at:
        return "now"
    since = f"due for {age(now - told.due_at)}, " if told.due_at else ""
    return f"{since}waits for a slot"
