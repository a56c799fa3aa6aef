"""How each stream stands at one moment: what waits, what is in hand, how old the oldest is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from shared.enums import JobType
from shared.redis_streams import GROUP, Keys, StreamClient, is_worker
from worker.queue.scripts import STREAM_STATE


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """One stream, as Redis counts it.

    Attributes:
        waiting: entries that no worker has: never taken, or handed back.
        in_flight: entries that a worker has: running, waiting for another try, being delivered.
        outbox: answers on their way to Core.
        oldest_waiting_at: when the oldest of those was appended, in Unix seconds.
        oldest_in_flight_at: the same of those that a worker has.
        holders: how many each worker has.
    """

    job_type: str
    waiting: int
    in_flight: int
    outbox: int
    oldest_waiting_at: float | None
    oldest_in_flight_at: float | None
    holders: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Counts:
    """What Redis counts, at one moment.

    Attributes:
        at: the server's clock, in Unix seconds.
        paused: the fields of what is paused, see `worker.marks`.
    """

    at: float
    dead_letters: int
    paused: tuple[str, ...]
    streams: tuple[StreamCounts, ...]


async def count_all(
    client: StreamClient, keys: Keys, job_types: Sequence[str] = tuple(JobType)
) -> Counts:
    """Look at the streams of these job types and what is beside them, in one round trip.

    A stream that does not exist is empty. Entries are deleted when they are settled, so what the
    stream has and nobody holds is what waits: some was never handed out, some waits for its turn
    and some was handed back, both under names of no worker.
    """
    names = [str(job_type) for job_type in job_types]
    of_streams = [key for name in names for key in (keys.stream(name), keys.outbox(name))]
    reply = await STREAM_STATE(client, [keys.dead, keys.paused, *of_streams], [GROUP])
    now_ms, letters, paused, rows = cast("tuple[int, int, list[bytes], list[list[Any]]]", reply)
    return Counts(
        at=now_ms / 1_000,
        dead_letters=letters,
        paused=tuple(name.decode(errors="replace") for name in paused),
        streams=tuple(_counted(name, row) for name, row in zip(names, rows, strict=True)),
    )


async def count_streams(
    client: StreamClient, keys: Keys, job_types: Sequence[str] = tuple(JobType)
) -> list[StreamCounts]:
    """Look at the streams alone."""
    return list((await count_all(client, keys, job_types)).streams)


async def server_now(client: StreamClient) -> float:
    """The server's clock, by which entries, letters and workers are dated; Unix seconds."""
    seconds, micros = cast("tuple[int, int]", await client.execute_command("TIME"))
    return int(seconds) + int(micros) / 1_000_000


def appended_at(entry_id: str) -> float:
    """When an entry was appended, in Unix seconds; its id says so."""
    return int(entry_id.partition("-")[0]) / 1_000


def _counted(job_type: str, row: list[Any]) -> StreamCounts:
    length, outbox, first_new, consumers = cast("tuple[int, int, bytes, list[list[Any]]]", row)
    named = [(name.decode(errors="replace"), int(count), first) for name, count, first in consumers]
    held = {name: (count, first) for name, count, first in named if is_worker(name)}
    in_turn = [first for name, _, first in named if name not in held]
    in_flight = sum(count for count, _ in held.values())
    return StreamCounts(
        job_type=job_type,
        waiting=max(0, length - in_flight),
        in_flight=in_flight,
        outbox=outbox,
        oldest_waiting_at=_oldest([first_new, *in_turn]),
        oldest_in_flight_at=_oldest(oldest for _, oldest in held.values()),
        holders={name: count for name, (count, _) in held.items()},
    )


def _oldest(entry_ids: Iterable[bytes]) -> float | None:
    return min((appended_at(entry_id.decode()) for entry_id in entry_ids if entry_id), default=None)
