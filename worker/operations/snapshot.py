"""Everything at one moment: streams, workers, dead letters, what is paused, and what is odd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.redis_streams import Keys, StreamClient
from worker.errors import Service
from worker.marks import type_field
from worker.operations.draining import Draining, gained
from worker.operations.fleet import Worker, read_workers
from worker.operations.halts import folded
from worker.operations.hints import Hint, Pauses, hints
from worker.operations.letters import Letters, read_letters
from worker.operations.pausing import PauseNote, read_pauses
from worker.operations.refused_writes import refused_writes
from worker.operations.streams import StreamCounts, count_streams, server_now
from worker.operations.tenants import TenantsWaiting, count_tenants
from worker.operations.view import StreamView

_NEEDED = {str(Service.MODEL), str(Service.CORE)}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fleet at one moment.

    Attributes:
        at: the server's clock, in Unix seconds.
        workers: their rows as they are shown, see `halts.py`.
        pauses: what is paused, by `type:image_tag` or `tenant:acme`.
        tenants: how many jobs of those that are paused wait.
        hints: what is odd, and what to do about it.
    """

    at: float
    streams: tuple[StreamView, ...]
    workers: tuple[Worker, ...]
    letters: Letters
    pauses: Mapping[str, PauseNote]
    tenants: TenantsWaiting
    hints: tuple[Hint, ...]


async def take_snapshot(client: StreamClient, keys: Keys) -> Snapshot:
    """Look at everything."""
    now = await server_now(client)
    told = await read_workers(client, keys, now)
    pauses = await read_pauses(client, keys)
    counts = await count_streams(client, keys)
    held = [replace(w, pending=sum(s.holders.get(w.name, 0) for s in counts)) for w in told]
    workers = folded(held)
    letters = await read_letters(client, keys, now)
    refused = str(await refused_writes(client, keys) or "")
    waiting = sum(stream.waiting for stream in counts)
    tenants = await count_tenants(client, keys, pauses, waiting)
    streams = view_streams(counts, workers, Pauses(pauses, tenants), now)
    return Snapshot(
        at=now,
        streams=streams,
        workers=tuple(workers),
        letters=letters,
        pauses=pauses,
        tenants=tenants,
        hints=tuple(hints(streams, workers, Pauses(pauses, tenants), letters, now, refused)),
    )


def view_streams(
    counts: Sequence[StreamCounts],
    workers: Sequence[Worker],
    pauses: Pauses,
    now: float,
) -> tuple[StreamView, ...]:
    """What Redis counts, with what the workers tell."""
    living = [worker for worker in workers if not worker.silent]
    return tuple(_view(stream, living, pauses, now) for stream in counts)


def _view(stream: StreamCounts, living: Sequence[Worker], pauses: Pauses, now: float) -> StreamView:
    name = stream.job_type
    parked = sum(w.facts.stages.get(name, {}).get("parked", 0) for w in living)
    note = pauses.notes.get(type_field(name))
    draining = _draining(stream, living, pauses, now)
    return StreamView(
        job_type=name,
        waiting=stream.waiting,
        in_flight=stream.in_flight,
        parked=parked,
        outbox=stream.outbox,
        oldest_waiting_s=_age(stream.oldest_waiting_at, now),
        oldest_in_flight_s=_age(stream.oldest_in_flight_at, now),
        ended_a_minute=draining.ended_a_minute,
        drained_in_s=draining.in_s,
        gained_a_minute=draining.gained_a_minute,
        drained=draining.said,
        paused=note,
        served_by=sum(name in w.facts.job_types and not w.facts.draining for w in living),
    )


def _draining(
    stream: StreamCounts, living: Sequence[Worker], pauses: Pauses, now: float
) -> Draining:
    """Without what is paused; what arrives of a paused tenant cannot be told from the rest."""
    left, name = stream.waiting + stream.in_flight, stream.job_type
    ended = sum(worker.facts.ended_of(name) for worker in living)
    if type_field(name) in pauses.notes:
        return Draining(0, ended)
    if rests := pauses.tenants.by_type.get(name, 0) + pauses.tenants.not_looked_at:
        return Draining(max(0, left - rests), ended, halted=_stands_still(name, living))
    looks = [worker.facts.before[name] for worker in living if name in worker.facts.before]
    more = gained(left, looks, now, ended)
    return Draining(left, ended, more, halted=_stands_still(name, living))


def _stands_still(job_type: str, living: Sequence[Worker]) -> bool:
    """Whether nobody takes this type but those who find a service away that each job needs."""
    takers = [worker for worker in living if job_type in worker.facts.job_types]
    return all(_NEEDED & worker.facts.gates.keys() for worker in takers)


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)
