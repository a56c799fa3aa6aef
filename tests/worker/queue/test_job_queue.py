"""A queue takes no more than there is room for, is fair to its streams, and loses nothing."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from shared.enums import JobType
from shared.redis_streams import GROUP, Keys
from tests.builders import Streams, claimed
from tests.one_by_one import record, renew, settle, tick
from worker.embedded.redis_server import RedisServer
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import BATCH_MAX, JobQueue
from worker.queue.redis_clients import OUTAGE, RedisClients, connect

pytestmark = pytest.mark.redis
KIND = JobType.TEXT_TAG
TYPES = len(JobType)


async def fill(streams: Streams, each: int) -> None:
    """Put jobs onto all streams."""
    for job_type in JobType:
        for _ in range(each):
            await streams.add(job_type)


async def blocked(streams: Streams) -> None:
    """Return once a reader waits at the server."""
    async with asyncio.timeout(10):
        while True:
            info = await streams.client.execute_command("INFO", "clients")
            if info["blocked_clients"]:
                return


async def settle_all(queue: JobQueue, entries: list[ClaimedEntry]) -> None:
    """Be done with them."""
    for entry in entries:
        assert not await settle(queue, entry)


# ------------------------------------------------------------------------- claiming


@pytest.mark.parametrize("room", [1, 3, 7, 10, 64])
async def test_never_more_than_room(queue: JobQueue, streams: Streams, room: int) -> None:
    """Over many full streams a claim brings what there is room for, no more, and nothing twice."""
    await fill(streams, 10)
    seen: set[tuple[str, str]] = set()
    while len(seen) < 10 * TYPES:
        entries = await queue.claim(room, block_ms=0)
        assert 0 < len(entries) <= room
        assert not seen & {(e.job_type, e.entry_id) for e in entries}
        seen |= {(e.job_type, e.entry_id) for e in entries}
    assert await queue.claim(room, block_ms=0) == []


async def test_streams_take_turns(queue: JobQueue, streams: Streams) -> None:
    """With room for one, as many claims serve as many streams, and each stays in order."""
    await fill(streams, 2)
    taken = [(await queue.claim(1, block_ms=0))[0] for _ in range(2 * TYPES)]
    for turn in (taken[:TYPES], taken[TYPES:]):
        assert {entry.job_type for entry in turn} == set(JobType)
    for first, second in zip(taken[:TYPES], taken[TYPES:], strict=True):
        assert first.job_type == second.job_type
        assert first.entry_id < second.entry_id


async def test_what_a_claim_brings(queue: JobQueue, streams: Streams) -> None:
    """An entry comes with its stream, its fields as bytes, and the time its id tells."""
    entry_id = await streams.add(KIND, job_id="j1", payload="{}")
    [entry] = await queue.claim(5, block_ms=0)
    assert entry == ClaimedEntry(KIND, entry_id, {b"job_id": b"j1", b"payload": b"{}"}, 1)
    assert entry.enqueued_s == int(entry_id.partition("-")[0]) / 1_000


async def test_enqueued_before_the_first_start(
    clients: RedisClients, keys: Keys, streams: Streams
) -> None:
    """Jobs that were there before any group are claimed, also without `create_groups`."""
    await streams.add(KIND)
    queue = JobQueue(clients, keys, [KIND], "me")
    entries = await queue.claim(5, block_ms=2_000)
    assert len(entries) == 1


@pytest.mark.parametrize("job_type", JobType)
async def test_a_job_ends_the_wait(queue: JobQueue, streams: Streams, job_type: JobType) -> None:
    """A blocked claim returns when a job is added to any of the streams."""
    claim = asyncio.create_task(queue.claim(64, block_ms=60_000))
    await blocked(streams)
    entry_id = await streams.add(job_type)
    [entry] = await claim
    assert (entry.job_type, entry.entry_id) == (job_type, entry_id)
    await settle_all(queue, [entry])
    assert await streams.left_over() == {}


@pytest.mark.parametrize("room", [1, 2, 6])
async def test_a_late_rush_keeps_to_the_room(
    clients: RedisClients, keys: Keys, queue: JobQueue, streams: Streams, room: int
) -> None:
    """Jobs that come to all streams just before a claim blocks bring no more than its room."""

    class Late:
        """A reader that is overtaken by producers."""

        async def execute_command(self, *args: Any, **options: Any) -> Any:
            """Fill the streams, then send."""
            if args[0] == "CLIENT":
                await fill(streams, 1)
            return await clients.reader.execute_command(*args, **options)

        async def aclose(self) -> None:
            """Leave that to the others."""

    late = JobQueue(RedisClients(Late(), clients.commands), keys, list(JobType), "me")
    assert len(await late.claim(room, block_ms=2_000)) == room
    assert len(await queue.claim(64, block_ms=0)) == TYPES - room


async def test_wake(queue: JobQueue, streams: Streams) -> None:
    """`wake` ends a wait at once, with nothing."""
    claim = asyncio.create_task(queue.claim(64, block_ms=60_000))
    await blocked(streams)
    await queue.wake()
    assert await claim == []
    assert await streams.pending(KIND) == {}


@pytest.mark.parametrize("turns", range(12))
async def test_wake_at_any_moment(queue: JobQueue, turns: int) -> None:
    """However far a claim has come when it is woken, it does not wait for its minute to pass."""
    claim = asyncio.create_task(queue.claim(64, block_ms=60_000))
    for _ in range(turns):
        await asyncio.sleep(0)
    await queue.wake()
    async with asyncio.timeout(10):
        assert await claim == []
        assert await queue.claim(64, block_ms=60_000) == []


async def test_wake_loses_nothing(clients: RedisClients, keys: Keys, streams: Streams) -> None:
    """A wake that races a new job leaves it in the caller's hands or in the stream."""
    for _ in range(50):
        queue = JobQueue(clients, keys, [KIND], "me")
        claim = asyncio.create_task(queue.claim(64, block_ms=60_000))
        await blocked(streams)
        await asyncio.gather(streams.add(KIND), queue.wake())
        entries = await claim or await queue.claim(64, block_ms=0)
        assert set(await streams.pending(KIND)) == {entry.entry_id for entry in entries}
        await settle_all(queue, entries)


# ------------------------------------------------------------------------- groups lost


@pytest.mark.parametrize("blocking", [False, True])
async def test_group_destroyed(queue: JobQueue, streams: Streams, blocking: bool) -> None:
    """A destroyed group is made again at id 0: what was added meanwhile is not skipped."""
    claim = asyncio.create_task(queue.claim(64, block_ms=60_000 if blocking else 0))
    if blocking:
        await blocked(streams)
    else:
        assert await claim == []
    await streams.client.execute_command("XGROUP", "DESTROY", streams.keys.stream(KIND), GROUP)
    entry_id = await streams.add(KIND)
    entries = await claim
    while not entries:
        entries = await queue.claim(64, block_ms=0)
    assert [entry.entry_id for entry in entries] == [entry_id]


@pytest.mark.parametrize("blocking", [False, True])
async def test_everything_flushed(queue: JobQueue, streams: Streams, blocking: bool) -> None:
    """After FLUSHALL, in a wait or between two, the groups come back and work goes on."""
    claim = asyncio.create_task(queue.claim(64, block_ms=60_000 if blocking else 0))
    if blocking:
        await blocked(streams)
    else:
        assert await claim == []
    await streams.client.execute_command("FLUSHALL")
    await fill(streams, 1)
    entries = await claim
    while len(entries) < TYPES:
        entries += await queue.claim(64, block_ms=0)
    assert {entry.job_type for entry in entries} == set(JobType)


async def test_reclaim_makes_groups_again(queue: JobQueue, streams: Streams) -> None:
    """A sweep that finds no group makes it, and finds nothing else."""
    await streams.client.execute_command("FLUSHALL")
    assert await queue.reclaim(10, idle_ms=0) == []
    assert await streams.lag(KIND) == 0


# ------------------------------------------------------------------------- taking over


async def test_reclaim_brings_the_outcome(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """What a dead worker had recorded and delivered comes with its entry."""
    await streams.add(KIND)
    await streams.add(KIND)
    first, second = await other.claim(2, block_ms=0)
    await record(other, first, b"answer")
    await tick(other, first, 2)
    found = {entry.entry_id: entry for entry in await queue.reclaim(10, idle_ms=0)}
    assert (found[first.entry_id].outcome, found[first.entry_id].delivered) == (b"answer", 2)
    assert (found[second.entry_id].outcome, found[second.entry_id].delivered) == (None, 0)
    assert all(entry.deliveries == 2 for entry in found.values())


async def test_reclaim_keeps_to_its_room(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """Over many streams of dead entries a sweep takes what there is room for."""
    await fill(streams, 3)
    assert len(await other.claim(64, block_ms=0)) == 3 * TYPES
    assert len(await queue.reclaim(8, idle_ms=0)) == 8


async def test_live_leases_do_not_hide_dead_ones(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """150 live leases in front of 50 dead ones starve nothing: five sweeps of ten get all."""
    for _ in range(200):
        await streams.add(KIND)
    live = await other.claim(150, block_ms=0)
    dead = await other.claim(50, block_ms=0)
    await streams.client.execute_command(
        *("XCLAIM", streams.keys.stream(KIND), GROUP, "other", 0),
        *[entry.entry_id for entry in dead],
        *("IDLE", 3_600_000, "JUSTID"),
        parse_justid=True,
    )
    found: list[str] = []
    for _ in range(5):
        assert not await renew(other, *live)
        found += [entry.entry_id for entry in await queue.reclaim(10, idle_ms=60_000)]
    assert found == [entry.entry_id for entry in dead]


async def test_ghosts_are_acknowledged(queue: JobQueue, other: JobQueue, streams: Streams) -> None:
    """Deleted while pending, an entry is off the books after a sweep, with its outbox keys."""
    for _ in range(3):
        await streams.add(KIND)
    entries = await other.claim(3, block_ms=0)
    await record(other, entries[0], b"x")
    await streams.client.execute_command(
        "XDEL", streams.keys.stream(KIND), *[entry.entry_id for entry in entries[:2]]
    )
    found = await queue.reclaim(10, idle_ms=0)
    assert [entry.entry_id for entry in found] == [entries[2].entry_id]
    assert set(await streams.pending(KIND)) == {entries[2].entry_id}
    assert await streams.outbox(KIND) == {}


async def test_renew_in_batches(queue: JobQueue, streams: Streams) -> None:
    """More leases than fit one call are all renewed, and those that are not ours all named."""
    count = BATCH_MAX + 1
    for _ in range(count):
        await streams.add(KIND)
    entries = await queue.claim(count, block_ms=0)
    strangers = [claimed(KIND) for _ in range(3)]
    lost = await renew(queue, *entries, *strangers)
    assert lost == {entry.entry_id for entry in strangers}


async def test_in_order(queue: JobQueue, streams: Streams) -> None:
    """One stream is claimed oldest first."""
    for _ in range(20):
        await streams.add(KIND)
    entries = await queue.claim(20, block_ms=0)
    assert all(first.enqueued_s <= second.enqueued_s for first, second in pairwise(entries))


async def test_an_outage_lasts_until_redis_has_answered(own_server: RedisServer) -> None:
    """Not only until the last failure: what is asked first afterwards must know of it."""
    clients, now = connect(own_server.url), [100.0]
    queue = JobQueue(clients, Keys("t"), [KIND], "me", elapsed=lambda: now[0])
    await queue.create_groups()
    assert await queue.claim(1, block_ms=0) == []
    assert queue.last_outage < 0
    own_server.stop()
    with pytest.raises(OUTAGE):
        await queue.claim(1, block_ms=0)
    now[0] = 200.0
    assert queue.last_outage == 200.0
    own_server.start()
    assert await queue.reclaim(1, idle_ms=0) == []
    now[0] = 300.0
    assert queue.last_outage == 200.0
    await clients.close()
