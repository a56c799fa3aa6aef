"""What is odd, in plain words, with the command to type next. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from worker.marks import tenant_field
from worker.operations.fleet import Worker
from worker.operations.letters import RECENT_S, Letters
from worker.operations.pausing import PauseNote
from worker.operations.tenants import TenantsWaiting
from worker.operations.view import StreamView

_TENANTS_NAMED = 10


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
) -> Iterator[Hint]:
    """What is odd, what stands in the way of most first."""
    living = [worker for worker in workers if not worker.silent]
    yield from _workers(streams, workers, living)
    yield from _services(living)
    yield from _paused(streams, pauses, now)
    yield from _letters(letters)


def _workers(
    streams: Sequence[StreamView], workers: Sequence[Worker], living: Sequence[Worker]
) -> Iterator[Hint]:
    waiting = sum(stream.waiting + stream.in_flight for stream in streams)
    if not living:
        text = f"no worker lives; {waiting} jobs wait" if waiting else "no worker lives"
        yield Hint(text, "llm-worker run")
    for worker in workers:
        if worker.silent and worker.facts.held:
            held, ago = worker.facts.held, round(worker.heard_s_ago)
            text = (
                f"{worker.name} was last heard of {ago} s ago; the {held} jobs it had go to others"
            )
            yield Hint(text, "llm-worker workers")
    unserved = [s for s in streams if s.waiting and living and not s.served_by]
    for stream in unserved:
        text = f"{stream.waiting} jobs wait on {stream.job_type}, which no living worker takes"
        yield Hint(text, f"WORKER_JOB_TYPES={stream.job_type} llm-worker run")
    for worker in living:
        if not worker.facts.claiming:
            answers = worker.facts.waiting_for_core
            text = f"{worker.name} takes nothing: {answers} answers wait for Core"
            yield Hint(text, "llm-worker check")


def _services(living: Sequence[Worker]) -> Iterator[Hint]:
    closed: dict[tuple[str, str], list[str]] = {}
    for worker in living:
        for service, why in worker.facts.gates.items():
            closed.setdefault((service, why), []).append(worker.name)
    for (service, why), names in closed.items():
        yield Hint(f"the {service} is away for {_who(names, living)}: {why}", "llm-worker check")
    sick: dict[tuple[str, str], list[str]] = {}
    for worker in living:
        for server in worker.facts.servers:
            state = server.broken or ("" if server.breaker == "closed" else server.breaker)
            if state:
                key = (f"{server.provider} {server.server}", state)
                sick.setdefault(key, []).append(worker.name)
    for (server, state), names in sick.items():
        said = {
            "open": "is left alone for a while: too many calls failed or were slow",
            "half_open": "is being tried again",
        }.get(state, f"cannot work: {state}")
        yield Hint(f"{server} {said} ({_who(names, living)})", "llm-worker check")


def _who(names: Sequence[str], living: Sequence[Worker]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} of {len(living)} workers"


def _paused(streams: Sequence[StreamView], pauses: Pauses, now: float) -> Iterator[Hint]:
    for stream in streams:
        if stream.paused is not None:
            text = (
                f"{stream.job_type} is paused{_by(stream.paused, now)}; {stream.waiting} jobs wait"
            )
            yield Hint(text, f"llm-worker resume {stream.job_type}")
    jobs = pauses.tenants.jobs
    tenants = sorted(jobs, key=lambda tenant: (-jobs[tenant], tenant))
    at_least = "at least " if pauses.tenants.may_be_more else ""
    for tenant in tenants[:_TENANTS_NAMED]:
        note = pauses.notes.get(tenant_field(tenant), PauseNote())
        text = f"tenant {tenant} is paused{_by(note, now)}; {at_least}{jobs[tenant]} jobs wait"
        yield Hint(text, f"llm-worker resume --tenant {quote(tenant)}")
    if others := tenants[_TENANTS_NAMED:]:
        waiting = sum(jobs[tenant] for tenant in others)
        text = f"{len(others)} more tenants are paused; {at_least}{waiting} jobs wait"
        yield Hint(text, "llm-worker pause")


def _by(note: PauseNote, now: float) -> str:
    who = f" by {note.by}" if note.by else ""
    when = f" for {round((now - note.at) / 60)} min" if note.at else ""
    return f"{who}{when}{f' ({note.why})' if note.why else ''}"


def _letters(letters: Letters) -> Iterator[Hint]:
    for death in letters.deaths:
        if death.recent:
            why = f"{death.reason}, {death.cause}" if death.cause else death.reason
            text = (
                f"{death.recent} {death.job_type} jobs died in {RECENT_S / 60:.0f} minutes of {why}"
            )
            command = f"llm-worker dead list --reason {quote(death.reason)} --newer-than 10m"
            yield Hint(text, command)
