"""What is odd, in plain words, with the command to type next. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from worker.marks import tenant_field
from worker.operations.fleet import Worker
from worker.operations.halts import halts_said
from worker.operations.letters import RECENT_S, Letters
from worker.operations.pausing import PauseNote
from worker.operations.tenants import TenantsWaiting
from worker.operations.view import StreamView
from worker.operations.words import age, amount, called, waits
from worker.steering.roster import ModelServer

_TENANTS_NAMED = 10
_MUTE = "does not tell its load while calls are under way: it hangs, or `/metrics` cannot be read"


@dataclass(frozen=True, slots=True)
class Hint:
    """Something to know, and what to do about it."""

    text: str
    command: str


@dataclass(frozen=True, slots=True)
class Pauses:
    """What is paused, by `type:image_tag` or `tenant:acme`, and how many jobs of tenants wait."""

    notes: Mapping[str, PauseNote] = field(default_factory=dict[str, PauseNote])
    tenants: TenantsWaiting = field(default_factory=TenantsWaiting)


def hints(
    streams: Sequence[StreamView],
    workers: Sequence[Worker],
    pauses: Pauses,
    letters: Letters,
    now: float,
    refused: str = "",
) -> Iterator[Hint]:
    """What is odd, what stands in the way of most first; `refused`: why Redis takes no writes."""
    living = [worker for worker in workers if not worker.silent]
    if refused:
        yield Hint(f"Redis takes no writes: {refused}", "llm-worker check")
    halts = list(_halted(workers, is_all=not (living or refused)))
    yield from halts
    yield from _unserved(streams, living, is_known=not (refused or halts))
    yield from _services(living)
    yield from _servers(living)
    yield from _idle(living)
    yield from _paused(streams, pauses, now)
    yield from _letters(letters)
    if not refused:  # then nobody can be heard of
        yield from _gone(workers)


def _halted(workers: Sequence[Worker], *, is_all: bool) -> Iterator[Hint]:
    """What halts is not to be started again; `is_all`: no other worker is known to run."""
    for number, said in enumerate(halts_said(workers)):
        nobody = "no worker runs: " if is_all and not number else ""
        yield Hint(f"{nobody}{said}", "llm-worker check")


def _gone(workers: Sequence[Worker]) -> Iterator[Hint]:
    for worker in workers:
        if worker.silent and worker.pending:
            ago, left = age(worker.heard_s_ago), amount(worker.pending, "job")
            text = (
                f"{worker.name} was last heard of {ago} ago; what it left, {left}, goes to others"
            )
            yield Hint(text, "llm-worker workers")


def _unserved(
    streams: Sequence[StreamView], living: Sequence[Worker], *, is_known: bool
) -> Iterator[Hint]:
    jobs = sum(stream.waiting + stream.in_flight for stream in streams)
    if not living and is_known:
        text = f"no worker runs; {waits(jobs)}" if jobs else "no worker runs"
        yield Hint(text, "llm-worker run")
    unserved = [s for s in streams if s.waiting and living and not s.served_by]
    for stream in unserved:
        text = f"{waits(stream.waiting)} on {stream.job_type}, which no living worker takes"
        yield Hint(text, f"WORKER_JOB_TYPES={stream.job_type} llm-worker run")


def _idle(living: Sequence[Worker]) -> Iterator[Hint]:
    """What follows from a service that is away stands below it."""
    for worker in living:
        if worker.takes_nothing:
            yield Hint(f"{worker.name} {worker.takes_nothing}", "llm-worker check")


def _services(living: Sequence[Worker]) -> Iterator[Hint]:
    closed: dict[tuple[str, str], list[Worker]] = {}
    for worker in living:
        for service, why in worker.facts.gates.items():
            closed.setdefault((service, why), []).append(worker)
    for (service, why), workers in closed.items():
        who = _who([worker.name for worker in workers], living)
        away_s = max(worker.facts.gates_s.get(service, 0.0) for worker in workers)
        since = f", for {age(away_s)}" if away_s >= 1 else ""
        yield Hint(f"{called(service)} is away for {who}{since}: {why}", "llm-worker check")


def _servers(living: Sequence[Worker]) -> Iterator[Hint]:
    sick: dict[str, list[str]] = {}
    for worker in living:
        for server in worker.facts.servers:
            if said := _sickness(worker, server):
                sick.setdefault(f"{server.provider} {server.server} {said}", []).append(worker.name)
    for said, names in sick.items():
        yield Hint(f"{said} ({_who(names, living)})", "llm-worker check")


def _sickness(worker: Worker, server: ModelServer) -> str:
    """What is wrong with a server, in words; empty where that is nothing, or told already."""
    if server.broken:
        return f"cannot work: {server.broken}"
    if server.breaker == "closed":
        return _MUTE if _is_mute(worker, server.server) else ""
    if server.why and server.why in worker.facts.gates.get("model", ""):
        return ""
    why = server.why or "its answers were slow"
    if server.breaker == "half_open":
        return f"is tried with a few calls, and left alone for the rest: {why}"
    return f"is left alone for a while: {why}"


def _is_mute(worker: Worker, server: str) -> bool:
    calls = [limit for limit in worker.facts.limits if limit.server == server]
    return any(limit.reason == "stale" and limit.in_flight for limit in calls)


def _who(names: Sequence[str], living: Sequence[Worker]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} of {len(living)} workers"


def _paused(streams: Sequence[StreamView], pauses: Pauses, now: float) -> Iterator[Hint]:
    for stream in streams:
        if stream.paused is not None:
            text = f"{stream.job_type} is paused{stream.paused.said(now)}; {waits(stream.waiting)}"
            yield Hint(text, f"llm-worker resume {stream.job_type}")
    jobs = pauses.tenants.jobs
    tenants = sorted(jobs, key=lambda tenant: (-jobs[tenant], tenant))
    at_least = "at least " if pauses.tenants.not_looked_at else ""
    for tenant in tenants[:_TENANTS_NAMED]:
        note = pauses.notes.get(tenant_field(tenant), PauseNote())
        text = f"tenant {tenant} is paused{note.said(now)}; {at_least}{waits(jobs[tenant])}"
        yield Hint(text, f"llm-worker resume --tenant {quote(tenant)}")
    if others := tenants[_TENANTS_NAMED:]:
        waiting = sum(jobs[tenant] for tenant in others)
        text = f"{len(others)} more tenants are paused; {at_least}{waits(waiting)}"
        yield Hint(text, "llm-worker pause")


def _letters(letters: Letters) -> Iterator[Hint]:
    for death in letters.deaths:
        if death.recent:
            why = f"{death.reason}, {death.cause}" if death.cause else death.reason
            jobs = amount(death.recent, f"{death.job_type} job")
            text = f"{jobs} died in {RECENT_S / 60:.0f} minutes of {why}"
            command = f"llm-worker dead list --reason {quote(death.reason)} --newer-than 10m"
            yield Hint(text, command)
