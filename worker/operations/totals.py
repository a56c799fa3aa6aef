"""The fleet in numbers, for the metrics: what Redis counts, without names of workers or tenants."""

from shared.redis_streams import Keys, StreamClient
from worker.marks import read_paused
from worker.observability.fleet_metrics import FleetTotals, StreamTotals
from worker.operations.streams import Counts, count_all
from worker.queue.write_probe import write_refusal


async def read_totals(client: StreamClient, keys: Keys) -> FleetTotals:
    """Look, in two round trips: does it take writes, and what is there?"""
    refusal = await write_refusal(client, keys)
    return totals(await count_all(client, keys), takes_writes=refusal is None)


def totals(counts: Counts, *, takes_writes: bool = True) -> FleetTotals:
    """What was counted, with ages instead of moments."""
    paused = read_paused(counts.paused)

    def age_s(at: float | None) -> float:
        return 0.0 if at is None else max(0.0, counts.at - at)

    return FleetTotals(
        streams=[
            StreamTotals(
                job_type=stream.job_type,
                waiting=stream.waiting,
                oldest_waiting_s=age_s(stream.oldest_waiting_at),
                in_flight=stream.in_flight,
                oldest_in_flight_s=age_s(stream.oldest_in_flight_at),
                outbox=stream.outbox,
                paused=stream.job_type in paused.types,
            )
            for stream in counts.streams
        ],
        dead_letters=counts.dead_letters,
        paused_tenants=len(paused.tenants),
        takes_writes=takes_writes,
    )
