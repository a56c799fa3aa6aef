"""What waits and what is in hand, as Redis counts it."""

import pytest

from shared.enums import JobType
from shared.redis_streams import GROUP, WAITING, Keys
from tests.builders import Streams
from tests.one_by_one import record, settle, tick
from worker.operations.streams import StreamCounts, appended_at, count_streams
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients

TYPE = JobType.TEXT_TAG


@pytest.fixture(name="streams")
def _streams(any_clients: RedisClients, keys: Keys) -> Streams:
    """As producers see it, on every kind of server."""
    return Streams(any_clients.commands, keys)


@pytest.fixture(name="queue")
async def _queue(any_clients: RedisClients, keys: Keys) -> JobQueue:
    """A worker."""
    queue = JobQueue(any_clients, keys, [TYPE], "me")
    await queue.create_groups()
    return queue


async def _counts(streams: Streams) -> StreamCounts:
    return (await count_streams(streams.client, streams.keys, [TYPE]))[0]


async def test_a_stream_that_is_not_there(any_clients: RedisClients, keys: Keys) -> None:
    """It is empty."""
    [found] = await count_streams(any_clients.commands, keys, [TYPE])
    assert found == StreamCounts("text_tag", 0, 0, 0, None, None, {})
    assert len(await count_streams(any_clients.commands, keys)) == len(JobType)


async def test_before_there_is_a_group_everything_waits(
    any_clients: RedisClients, keys: Keys
) -> None:
    """A producer may be first."""
    streams = Streams(any_clients.commands, keys)
    ids = [await streams.add() for _ in range(3)]
    found = await _counts(streams)
    assert (found.waiting, found.in_flight) == (3, 0)
    assert found.oldest_waiting_at == appended_at(ids[0])


async def test_taken_settled_and_recorded(streams: Streams, queue: JobQueue) -> None:
    """Each is counted where it is, with its age."""
    ids = [await streams.add() for _ in range(5)]
    one, two, _three = await queue.claim(3, block_ms=0)
    await settle(queue, one)
    await record(queue, two, b"answer")
    await tick(queue, two, 1)
    found = await _counts(streams)
    assert (found.waiting, found.in_flight, found.outbox) == (2, 2, 1)
    assert found.oldest_waiting_at == appended_at(ids[3])
    assert found.oldest_in_flight_at == appended_at(two.entry_id)
    assert found.holders == {"me": 2}


async def test_what_waits_for_its_turn_is_in_nobodys_hands(
    streams: Streams, queue: JobQueue
) -> None:
    """It is pending to a name that is no worker's."""
    ids = [await streams.add() for _ in range(5)]
    [taken] = await queue.claim(1, block_ms=0)
    words = ("XREADGROUP", "GROUP", GROUP, WAITING, "COUNT", 2, "STREAMS")
    await streams.client.execute_command(*words, streams.keys.stream(TYPE), ">")
    found = await _counts(streams)
    assert (found.waiting, found.in_flight, found.holders) == (4, 1, {"me": 1})
    assert found.oldest_waiting_at == appended_at(ids[1])
    assert found.oldest_in_flight_at == appended_at(taken.entry_id)


async def test_what_is_handed_back_waits(streams: Streams, queue: JobQueue) -> None:
    """It is in nobody's hands, whoever had it, until somebody takes it again."""
    for _ in range(4):
        await streams.add()
    one, two, three = await queue.claim(3, block_ms=0)
    await queue.release(one)
    await queue.release(three)
    found = await _counts(streams)
    assert (found.waiting, found.in_flight, found.holders) == (3, 1, {"me": 1})
    assert found.oldest_waiting_at == appended_at(one.entry_id)
    assert found.oldest_in_flight_at == appended_at(two.entry_id)
    await queue.release(two)
    found = await _counts(streams)
    assert (found.waiting, found.in_flight, found.holders) == (4, 0, {})
    assert found.oldest_in_flight_at is None
    await queue.reclaim(2, idle_ms=60_000)
    found = await _counts(streams)
    assert (found.waiting, found.in_flight, found.holders) == (2, 2, {"me": 2})


async def test_what_was_deleted_under_a_worker(streams: Streams, queue: JobQueue) -> None:
    """A trimmed stream never has fewer than no entries waiting."""
    await streams.add()
    [taken] = await queue.claim(1, block_ms=0)
    await streams.client.execute_command("XDEL", streams.keys.stream(TYPE), taken.entry_id)
    found = await _counts(streams)
    assert (found.waiting, found.in_flight) == (0, 1)
