"""Why no worker has a job that waits, in one line: what stands in the way of it first, if anything.

In the words of `hints.py`, which tell the same of the fleet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.enums import JobType
from shared.redis_streams import Keys, StreamClient
from worker.errors import Service
from worker.marks import tenant_field, type_field
from worker.operations.finding import EntryPlace
from worker.operations.fleet import Worker
from worker.operations.halts import folded, halts_said
from worker.operations.pausing import PauseNote, read_pauses
from worker.operations.refused_writes import refused_writes
from worker.operations.streams import count_streams
from worker.operations.words import called, waits

ASK_CORE = frozenset({JobType.TASK_MATCH})
"""Job types that are not taken while Core is away; while the model is, none is."""


@dataclass(frozen=True, slots=True)
class Around:
    """What may stand in a job's way.

    Attributes:
        now: Unix seconds.
        workers: all that have told of themselves.
        pauses: what is paused, by `type:image_tag` or `tenant:acme`.
        waiting: how many jobs wait, by job type.
        refused: why Redis takes no writes; empty where it does.
    """

    now: float
    workers: Sequence[Worker]
    pauses: Mapping[str, PauseNote]
    waiting: Mapping[str, int]
    refused: str = ""


async def look_around(
    client: StreamClient,
    keys: Keys,
    job_types: Iterable[str],
    workers: Sequence[Worker],
    now: float,
) -> Around:
    """Read what `why_waiting` asks for of jobs of these types."""
    counts = await count_streams(client, keys, sorted(set(job_types)))
    return Around(
        now=now,
        workers=workers,
        pauses=await read_pauses(client, keys),
        waiting={stream.job_type: stream.waiting for stream in counts},
        refused=str(await refused_writes(client, keys) or ""),
    )


def why_waiting(entry: EntryPlace, around: Around) -> str:
    """Words that follow "waits because"; empty where a worker has it, or its answer is there."""
    if entry.where != "waiting" or entry.recorded:
        return ""
    return _paused(entry, around) or _nobody(entry, around) or _queue(entry, around)


def _paused(entry: EntryPlace, around: Around) -> str:
    if (note := around.pauses.get(type_field(entry.job_type))) is not None:
        return f"{entry.job_type} is paused{note.said(around.now)}"
    note = around.pauses.get(tenant_field(entry.tenant)) if entry.tenant else None
    return "" if note is None else f"tenant {entry.tenant} is paused{note.said(around.now)}"


def _nobody(entry: EntryPlace, around: Around) -> str:
    living = [worker for worker in around.workers if not worker.silent]
    if not living and around.refused:  # then nobody can be heard of
        return f"Redis takes no writes: {around.refused}"
    if not living:
        return ": ".join(["no worker runs", *halts_said(folded(around.workers))[:1]])
    facts = ((worker, worker.facts) for worker in living)
    takers = [w for w, told in facts if entry.job_type in told.job_types and not told.draining]
    if not takers:
        return f"no living worker takes {entry.job_type}"
    whys = [_obstacle(worker, entry.job_type) for worker in takers]
    if not all(whys):
        return ""
    return f"no worker takes {entry.job_type} now: {takers[0].name} {whys[0]}"


def _obstacle(worker: Worker, job_type: str) -> str:
    """Why this worker claims nothing of that type, to go on its name; empty where it may."""
    if worker.takes_nothing:
        return worker.takes_nothing
    needs = (Service.MODEL, Service.CORE) if job_type in ASK_CORE else (Service.MODEL,)
    away = [service for service in needs if service in worker.facts.gates]
    return f"finds {called(away[0])} away: {worker.facts.gates[away[0]]}" if away else ""


def _queue(entry: EntryPlace, around: Around) -> str:
    number = max(1, around.waiting.get(entry.job_type, 0))  # it is one of them
    return f"its turn has not come: {waits(number, f'{entry.job_type} job')}"
