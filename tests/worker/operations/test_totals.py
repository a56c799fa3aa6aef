"""The fleet in numbers, out of what Redis counts."""

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams
from tests.one_by_one import record, tick
from worker.observability.fleet_metrics import StreamTotals
from worker.operations.pausing import PauseNote, pause
from worker.operations.streams import Counts, StreamCounts
from worker.operations.totals import read_totals, totals
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients

TYPE = JobType.TEXT_TAG


def test_ages_by_the_servers_clock() -> None:
    """None is 0, and so is what another server's clock has dated into the future."""
    waiting = StreamCounts("text_tag", 3, 2, 1, 100.0, None, {"me": 2})
    ahead = StreamCounts("extract", 1, 0, 0, 200.0, None, {})
    paused = ("type:extract", "tenant:acme", "tenant:b", "moon:full")
    found = totals(Counts(160.0, 7, paused, (waiting, ahead)))
    assert found.streams == [
        StreamTotals("text_tag", 3, 60.0, 2, 0.0, 1, paused=False),
        StreamTotals("extract", 1, 0.0, 0, 0.0, 0, paused=True),
    ]
    assert (found.dead_letters, found.paused_tenants) == (7, 2)


async def test_a_fleet_that_is_new(any_clients: RedisClients, keys: Keys) -> None:
    """Every job type is there, with nothing."""
    found = await read_totals(any_clients.commands, keys)
    assert [stream.job_type for stream in found.streams] == list(JobType)
    assert {stream.waiting for stream in found.streams} == {0}
    assert (found.dead_letters, found.paused_tenants) == (0, 0)


async def test_a_fleet_at_work(any_clients: RedisClients, keys: Keys) -> None:
    """What waits, what is in hand, what is on its way to Core, what is dead and what is paused."""
    client = any_clients.commands
    streams, queue = Streams(client, keys), JobQueue(any_clients, keys, [TYPE], "me")
    await queue.create_groups()
    for _ in range(4):
        await streams.add()
    one, two, _ = await queue.claim(3, block_ms=0)
    await record(queue, one, b"answer")
    await tick(queue, one, 1)
    assert await queue.dead_letter(two, {"dead_reason": "bug"}, keep=10)
    await pause(client, keys, ["type:extract", "tenant:acme"], PauseNote())
    found = await read_totals(client, keys)
    by_type = {stream.job_type: stream for stream in found.streams}
    text = by_type["text_tag"]
    assert (text.waiting, text.in_flight, text.outbox, text.paused) == (1, 2, 1, False)
    assert by_type["extract"].paused
    assert (found.dead_letters, found.paused_tenants) == (1, 1)


async def test_a_very_large_outbox_is_not_gone_through(
    any_clients: RedisClients, keys: Keys
) -> None:
    """A night without Core must not make every scrape a standstill; ticks may then count, too."""
    client = any_clients.commands
    fields = [part for n in range(1_001) for part in (f"{n}-0", "answer")]
    await client.execute_command("HSET", keys.outbox(TYPE), *fields)
    await client.execute_command("HSET", keys.outbox(TYPE), "1-0:n", 1)
    found = await read_totals(client, keys)
    assert [s.outbox for s in found.streams if s.job_type == "text_tag"] == [1_002]
