"""What must hold of a world that has come to its end, by what Core, Redis and the model saw."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from shared.enums import FailureReason, JobStatus
from tests.simulation.core import Core, Final
from tests.simulation.jobs import TYPES, Kind, SimJob
from tests.simulation.model import End, ModelCall
from tests.simulation.watch import Takeover
from tests.simulation.world import World

_HANDED_BACK_S = 86_400.0
_TROUBLE_S = 200.0
"""How long before a claim the trouble may have been that made it one nobody knows of: a server
that stood still does afterwards what was asked of it by those who have given up."""

Letter = Mapping[str, str]


def check(world: World) -> list[str]:
    """Everything that is wrong, one line each."""
    letters = _letters(world)
    wrongs = [*world.wrongs, *_left_over(world), *_taken_from_the_healthy(world)]
    for job in world.jobs.values():
        own = [letter for letter in letters if letter.get("job_id") == job.job_id]
        wrongs += (f"{job.job_id} ({job.kind.name}): {what}" for what in _job(world, job, own))
    return wrongs


# ------------------------------------------------------------------------------ all in all


def _letters(world: World) -> list[Letter]:
    rows = world.redis.ask("XRANGE", world.keys.dead, "-", "+")
    return [
        {name.decode(): value.decode() for name, value in fields.items()}
        for _, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", rows)
    ]


def _left_over(world: World) -> Iterator[str]:
    for stream in map(world.keys.stream, TYPES):
        if length := world.redis.ask("XLEN", stream):
            yield f"{stream} still has {length} entries"
        if pending := world.redis.pending(stream):
            yield f"{stream} still has pending entries: {pending}"
    keys = {cast("bytes", key).decode() for key in world.redis.ask("KEYS", "*")}
    kept = {world.keys.dead, world.keys.events, world.keys.workers, world.keys.cancelled}
    allowed = {*kept, *map(world.keys.stream, TYPES)}
    if keys - allowed:
        yield f"keys are left behind: {sorted(keys - allowed)}"


def _taken_from_the_healthy(world: World) -> Iterator[str]:
    for takeover in world.watch.takeovers:
        if not _is_explained(world, takeover):
            where = f"{takeover.stream} {takeover.entry_id} at {takeover.at_s:.1f}"
            yield f"{takeover.loser} lost {where} with nothing the matter"


def _is_explained(world: World, takeover: Takeover) -> bool:
    loser = world.processes[takeover.loser]
    if loser.was_killed or takeover.idle_s >= _HANDED_BACK_S:
        return True
    since = takeover.at_s - takeover.idle_s - _TROUBLE_S
    return loser.was_troubled(since, takeover.at_s)


# ------------------------------------------------------------------------------ each job


@dataclass(frozen=True, slots=True)
class _Kept:
    """The answer that counts."""

    call: int
    effects: int


def _job(world: World, job: SimJob, letters: list[Letter]) -> Iterator[str]:
    final = world.core.finals.get(job.job_id)
    if len(letters) > 1:
        yield f"{len(letters)} dead letters"
    reasons = _reasons(job.kind, is_known=job.job_id not in world.core.unknown)
    if job.job_id in world.cancelled:
        reasons.add(FailureReason.CANCELLED)
    yield from _end(world, job, letters, reasons)
    kept = _kept(final, letters)
    yield from _effects(world.core, job, kept, is_whole=not letters)
    for call in world.model.calls:
        if call.job_id == job.job_id and (kept is None or call.number != kept.call):
            yield from _wasted(world, call)


def _end(world: World, job: SimJob, letters: list[Letter], reasons: set[str]) -> Iterator[str]:
    final, is_known = world.core.finals.get(job.job_id), job.job_id not in world.core.unknown
    if not letters:
        if final is None or final.status is not JobStatus.COMPLETED:
            yield f"has no dead letter, and Core says {final}"
        elif job.kind not in {Kind.PLAIN, Kind.HURRIED}:
            yield "should have died"
        return
    reason = letters[0]["dead_reason"]
    if reason not in reasons:
        yield f"died of {reason}: {letters[0]['dead_error']}"
    told = final is not None and final.status is JobStatus.FAILED and final.said.startswith(reason)
    if told is not is_known:
        yield f"died of {reason}, and Core says {final}"


def _reasons(kind: Kind, *, is_known: bool) -> set[str]:
    """What a job of this kind may die of."""
    own = {str(kind.value)} if isinstance(kind.value, FailureReason) else set[str]()
    if kind is Kind.HURRIED:
        own.add(FailureReason.EXPIRED)
    if not is_known and kind in {Kind.PLAIN, Kind.HURRIED}:
        own.add(FailureReason.CORE_REJECTED)
    return own


def _kept(final: Final | None, letters: list[Letter]) -> _Kept | None:
    """The answer that Core has, or the one that Core would not take."""
    result = final.result if final is not None else None
    if result is None and letters and "dead_outcome" in letters[0]:
        result = json.loads(letters[0]["dead_outcome"])["result"]
    return None if result is None else _Kept(result["call"], result["effects"])


def _effects(core: Core, job: SimJob, kept: _Kept | None, *, is_whole: bool) -> Iterator[str]:
    applied = core.effects.get(job.job_id, [])
    numbers = [each.number for each in applied]
    wanted = list(range(kept.effects if kept else 0))
    if numbers != (wanted if is_whole else wanted[: len(numbers)]):
        yield f"effects {numbers} were applied, in this order; the answer has {len(wanted)}"
    if any(each.call != (kept.call if kept else 0) for each in applied):
        yield f"effects of several answers: {applied}, and the one that counts is {kept}"
    if any(each.after_final for each in applied):
        yield "an effect came after the last word"


def _wasted(world: World, call: ModelCall) -> Iterator[str]:
    """A call that brought nothing: either it failed, or its worker had to let go of the job."""
    if call.end is End.FAILED or call.job_id in world.cancelled:
        return
    stream, entry_id = world.entries[call.job_id]
    name = call.caller.name
    let_go = any(
        (takeover.stream, takeover.entry_id, takeover.loser) == (stream, entry_id, name)
        for takeover in world.watch.takeovers
    )
    troubled = call.caller.was_killed or call.caller.cut or bool(call.caller.troubles)
    if not (let_go and troubled):
        yield f"call {call.number} by {name} at {call.at_s:.1f} was for nothing ({call.end.value})"
