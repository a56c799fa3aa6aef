"""The invariants: what must hold after any run, whatever went wrong during it. Pure."""

from collections.abc import Iterator

from shared import JobType, Keys
from tests.chaos.evidence import Evidence

_SHOWN = 10


def lost(evidence: Evidence) -> list[str]:
    """Jobs that Redis had confirmed and that have not come to their right end in Core."""
    core = evidence.core.jobs
    return [
        job_id
        for job_id, job in evidence.enqueued.jobs.items()
        if job_id not in core or core[job_id].status != _right_end(job.wanted.completes)
    ]


def doubled(evidence: Evidence) -> list[str]:
    """Jobs that came to an end, or whose effects were applied, more often than they may."""
    core = evidence.core
    ended_twice = {job_id for job_id, job in core.jobs.items() if job.ends > 1}
    applied_twice = {
        job_id
        for job_id, job in evidence.enqueued.jobs.items()
        if core.effects.get(job_id, job.wanted.effects) - job.wanted.effects
    }
    events_twice = {f"event {text!r}" for text, count in core.events.items() if count > 1}
    return sorted(ended_twice | applied_twice | events_twice)


def broken(evidence: Evidence, keys: Keys) -> list[str]:
    """Every invariant that does not hold, one line each; empty when all do."""
    return [*_about_core(evidence), *_about_redis(evidence, keys), *_about_workers(evidence)]


def allowed_keys(keys: Keys) -> set[str]:
    """The keys that may remain: the streams, emptied, the dead letters, the events, the workers."""
    streams = {keys.stream(job_type) for job_type in JobType}
    return streams | {keys.dead, keys.events, keys.workers}


def _about_core(evidence: Evidence) -> Iterator[str]:
    if jobs := lost(evidence):
        ends = {job: evidence.core.jobs.get(job) for job in jobs[:_SHOWN]}
        yield f"{len(jobs)} jobs are not at their right end: {ends}"
    if jobs := doubled(evidence):
        yield f"{len(jobs)} things were done twice: {jobs[:_SHOWN]}"
    effects = evidence.core.effects
    missing = {
        job_id: job.wanted.effects - effects.get(job_id, type(job.wanted.effects)())
        for job_id, job in evidence.enqueued.jobs.items()
    }
    missing = {job_id: left for job_id, left in missing.items() if left}
    if missing:
        yield f"{len(missing)} jobs miss effects: {dict(list(missing.items())[:_SHOWN])}"
    known = evidence.enqueued.jobs.keys() | evidence.enqueued.unsure
    if strangers := evidence.core.jobs.keys() - known:
        yield f"Core has {len(strangers)} jobs nobody enqueued: {sorted(strangers)[:_SHOWN]}"
    unfinished = [
        job_id
        for job_id in evidence.enqueued.unsure & evidence.core.jobs.keys()
        if not evidence.core.jobs[job_id].status.is_final
    ]
    if unfinished:
        yield f"{len(unfinished)} jobs of unconfirmed XADDs have begun and not ended: {unfinished}"
    if again := evidence.bill.unexplained():
        shown = dict(list(again.items())[:_SHOWN])
        yield f"{len(again)} jobs were paid for again without a reason: {shown}"


def _about_redis(evidence: Evidence, keys: Keys) -> Iterator[str]:
    for state in evidence.redis.streams:
        if state.entries or state.pending:
            yield f"{state.stream} still holds {state.entries} entries, {state.pending} pending"
    lasting = {key for key in evidence.redis.keys if not key.startswith(keys.limits(""))}
    if extra := lasting - allowed_keys(keys):  # limits go by themselves, after seconds
        yield f"keys were left behind: {sorted(extra)}"
    told = evidence.redis.told
    if wrong := {job: told[job] for job in evidence.enqueued.jobs if told[job] != 1}:
        shown = dict(list(wrong.items())[:_SHOWN])
        yield f"the end of {len(wrong)} jobs was not told once: {shown}"
    dead = evidence.redis.dead_jobs
    if len(dead) != len(set(dead)):
        yield f"there are {len(dead) - len(set(dead))} dead letters too many"
    wanted = {job_id for job_id, job in evidence.enqueued.jobs.items() if not job.wanted.completes}
    if wrong := wanted ^ (set(dead) - evidence.enqueued.unsure):
        yield f"the dead letters are wrong about {sorted(wrong)[:_SHOWN]}"


def _about_workers(evidence: Evidence) -> Iterator[str]:
    yield from evidence.oddities


def _right_end(completes: bool) -> str:
    return "completed" if completes else "failed"
