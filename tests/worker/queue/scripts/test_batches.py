"""The scripts that take many entries: each answered for itself, whatever its stream."""

from shared.redis_streams import GROUP
from tests.builders import Streams
from tests.one_by_one import KIND, one_claimed, renew, settle
from worker.queue.job_queue import JobQueue


async def test_a_mixed_batch(queue: JobQueue, other: JobQueue, streams: Streams) -> None:
    """In one batch, what is ours is written and what is not is named."""
    mine = await one_claimed(queue, streams)
    await streams.add(KIND)
    [theirs] = await other.claim(1, block_ms=0)
    assert await renew(queue, mine, theirs) == {theirs.entry_id}
    assert await queue.record([(theirs, b"x"), (mine, b"answer")]) == [False, True]
    assert await queue.tick([(theirs, 1), (mine, 2)]) == [False, True]
    name = mine.entry_id.encode()
    assert await streams.outbox(KIND) == {name: b"answer", name + b":n": b"2"}
    assert await settle(queue, mine, theirs) == {theirs.entry_id}
    assert set(await streams.pending(KIND)) == {theirs.entry_id}


async def test_a_batch_over_streams(queue: JobQueue, streams: Streams) -> None:
    """Entries of several streams go in one call, each to the outbox of its own."""
    for kind in (KIND, "followup", KIND):
        await streams.add(kind)
    entries = await queue.claim(3, block_ms=0)
    assert await renew(queue, *entries) == set()
    assert await queue.record([(entry, entry.job_type.encode()) for entry in entries]) == [True] * 3
    assert await queue.tick([(entry, 1) for entry in entries]) == [True] * 3
    for kind, count in ((KIND, 2), ("followup", 1)):
        names = [entry.entry_id.encode() for entry in entries if entry.job_type == kind]
        told = {name: kind.encode() for name in names} | {name + b":n": b"1" for name in names}
        assert (len(names), await streams.outbox(kind)) == (count, told)
    assert await settle(queue, *entries) == set()
    assert await streams.left_over() == {}


async def test_one_group_is_lost(queue: JobQueue, streams: Streams) -> None:
    """Of a stream whose group is gone nothing is ours; what else is in the batch is written."""
    await streams.add(KIND)
    await streams.add("followup")
    entries = sorted(await queue.claim(2, block_ms=0), key=lambda entry: entry.job_type)
    stream = streams.keys.stream("followup")
    await streams.client.execute_command("XGROUP", "DESTROY", stream, GROUP)
    assert await queue.renew(entries) == [False, True]
    assert await queue.record([(entry, b"x") for entry in entries]) == [False, True]
    assert await queue.tick([(entry, 1) for entry in entries]) == [False, True]
    assert await queue.settle([(entry, {}) for entry in entries]) == [False, True]
    assert await streams.left_over() == {stream: 1}
