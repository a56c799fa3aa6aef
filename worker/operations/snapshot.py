"""Everything at one moment: streams, workers, dead letters, what is paused, and what is odd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.redis_streams import Keys, StreamClient
from worker.marks import type_field
from worker.operations.fleet import Worker, read_workers
from worker.operations.fullness import why_full
from worker.operations.hints import Hint, Pauses, hints
from worker.operations.letters import Letters, read_letters
from worker.operations.pausing import PauseNote, read_pauses
from worker.operations.streams import StreamCounts, count_streams, server_now
from worker.operations.tenants import TenantsWaiting, count_tenants
from worker.operations.view import StreamView


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fleet at one moment.

    Attributes:
        at: the server's clock, in Unix seconds.
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
    workers = [replace(w, pending=sum(s.holders.get(w.name, 0) for s in counts)) for w in told]
    letters = await read_letters(client, keys, now)
    streams = view_streams(counts, workers, pauses, now)
    refused = await why_full(client)
    waiting = sum(stream.waiting for stream in streams)
    tenants = await count_tenants(client, keys, pauses, waiting)
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
    pauses: Mapping[str, PauseNote],
    now: float,
) -> tuple[StreamView, ...]:
    """What Redis counts, with what the workers tell."""
    living = [worker for worker in workers if not worker.silent]
    return tuple(_view(stream, living, pauses, now) for stream in counts)


def _view(
    stream: StreamCounts, living: Sequence[Worker], pauses: Mapping[str, PauseNote], now: float
) -> StreamView:
    name = stream.job_type
    parked = sum(w.facts.stages.get(name, {}).get("parked", 0) for w in living)
    rate = sum(w.facts.ended_of(name) for w in living)
    left = stream.waiting + stream.in_flight
    note = pauses.get(type_field(name))
    return StreamView(
        job_type=name,
        waiting=stream.waiting,
        in_flight=stream.in_flight,
        parked=parked,
        outbox=stream.outbox,
        oldest_waiting_s=_age(stream.oldest_waiting_at, now),
        oldest_in_flight_s=_age(stream.oldest_in_flight_at, now),
        ended_a_minute=rate,
        drained_in_s=left / rate * 60 if left and rate and note is None else None,
        paused=note,
        served_by=sum(name in w.facts.job_types and not w.facts.draining for w in living),
    )


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)
