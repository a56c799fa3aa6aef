"""The scripts write for nobody but the owner of an entry, and may be sent twice."""

import pytest
from redis.exceptions import ResponseError

from shared.redis_streams import GROUP, Keys
from tests.builders import Streams
from tests.one_by_one import KIND, one_claimed, record, renew, settle, tick
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import JobQueue
from worker.queue.scripts import DEAD_LETTER, LEAVE, RELEASE, RENEW

LETTER = {"dead_reason": "bug", "dead_error": "no luck"}
HOUR_MS = 3_600_000


def origin(entry: ClaimedEntry) -> dict[str, str]:
    """What a letter says of where it comes from."""
    stream = f"t:{entry.job_type}"
    return {"dead_stream": stream, "dead_entry_id": entry.entry_id, "dead_deliveries": "1"}


async def expire(streams: Streams, consumer: str, *entry_ids: str) -> None:
    """Make leases look old, as if their holder had been silent for an hour."""
    await streams.client.execute_command(
        *("XCLAIM", streams.keys.stream(KIND), GROUP, consumer, 0, *entry_ids),
        *("IDLE", HOUR_MS, "JUSTID"),
        parse_justid=True,
    )


async def everything(streams: Streams) -> tuple[object, ...]:
    """All that a script could have changed."""
    owners = {key: (who, count) for key, (who, _, count) in (await streams.pending(KIND)).items()}
    length, outbox = await streams.length(KIND), await streams.outbox(KIND)
    return owners, length, outbox, await streams.dead()


# ------------------------------------------------------------------------- owner check


async def test_a_zombie_writes_nothing(queue: JobQueue, other: JobQueue, streams: Streams) -> None:
    """Once another worker has the entry, every script of the first says no and changes nothing."""
    entry = await one_claimed(queue, streams)
    await expire(streams, "me", entry.entry_id)
    [taken] = await other.reclaim(1, idle_ms=1_000)
    assert await record(other, taken, b"theirs")
    before = await everything(streams)

    assert await renew(queue, entry) == {entry.entry_id}
    assert not await record(queue, entry, b"mine")
    assert not await tick(queue, entry, 1)
    assert await settle(queue, entry) == {entry.entry_id}
    assert not await queue.dead_letter(entry, LETTER, keep=10)
    await queue.release(entry)
    assert await everything(streams) == before


async def test_settled_entries_belong_to_nobody(queue: JobQueue, streams: Streams) -> None:
    """After a settle even the old owner is told no."""
    entry = await one_claimed(queue, streams)
    assert not await settle(queue, entry)
    assert not await record(queue, entry, b"late")
    assert await renew(queue, entry) == {entry.entry_id}
    assert await streams.outbox(KIND) == {}


@pytest.mark.parametrize("lost", ["group", "everything"])
async def test_without_a_group_nothing_is_ours(
    queue: JobQueue, streams: Streams, lost: str
) -> None:
    """When the group or the whole database is gone the answer is no, not an error."""
    entry = await one_claimed(queue, streams)
    if lost == "group":
        await streams.client.execute_command("XGROUP", "DESTROY", streams.keys.stream(KIND), GROUP)
    else:
        await streams.client.execute_command("FLUSHALL")
    assert await renew(queue, entry) == {entry.entry_id}
    assert not await record(queue, entry, b"x")
    assert not await tick(queue, entry, 1)
    assert await settle(queue, entry) == {entry.entry_id}
    assert not await queue.dead_letter(entry, LETTER, keep=10)
    await queue.release(entry)
    await queue.leave()


# ------------------------------------------------------------------------- sent twice


async def test_sent_twice(queue: JobQueue, streams: Streams) -> None:
    """A repeated record or tick changes nothing more; a repeated end says that it has been."""
    entry = await one_claimed(queue, streams)
    for _ in range(2):
        assert await record(queue, entry, b"answer")
    for _ in range(2):
        assert await tick(queue, entry, 1)
    name = entry.entry_id.encode()
    assert await streams.outbox(KIND) == {name: b"answer", name + b":n": b"1"}
    assert await queue.dead_letter(entry, LETTER, keep=10)
    assert not await queue.dead_letter(entry, LETTER, keep=10)
    assert len(await streams.dead()) == 1


async def test_released_twice(queue: JobQueue, streams: Streams, keys: Keys) -> None:
    """The second hand-back finds nothing to hand back: the count is made less once."""
    entry = await one_claimed(queue, streams)
    await queue.release(entry)
    [again] = await queue.reclaim(1, idle_ms=60_000)
    args: list[str | int] = [GROUP, "me", again.entry_id, "~handed-back:me"]
    done = [await RELEASE(streams.client, [keys.stream(KIND)], args) for _ in range(2)]
    assert done == [1, 0]
    owner, _, deliveries = (await streams.pending(KIND))[entry.entry_id]
    assert (owner, deliveries) == ("~handed-back:me", 0)


async def test_a_new_record_forgets_the_ticks(queue: JobQueue, streams: Streams) -> None:
    """The ticks of an outcome say nothing about the one that takes its place."""
    entry = await one_claimed(queue, streams)
    await record(queue, entry, b"first")
    await tick(queue, entry, 3)
    await record(queue, entry, b"second")
    assert await streams.outbox(KIND) == {entry.entry_id.encode(): b"second"}


# ------------------------------------------------------------------------- counts


async def test_renewal_keeps_the_count(queue: JobQueue, other: JobQueue, streams: Streams) -> None:
    """Forty renewals count as no delivery, and each makes the lease young again."""
    entry = await one_claimed(queue, streams)
    await expire(streams, "me", entry.entry_id)
    for _ in range(40):
        assert not await renew(queue, entry)
    assert (await streams.pending(KIND))[entry.entry_id][2] == 1
    assert await other.reclaim(1, idle_ms=60_000) == []


async def test_release_refunds_the_delivery(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """What is handed back can be claimed at once, and as if for the first time."""
    entry = await one_claimed(queue, streams)
    await queue.release(entry)
    [again] = await other.reclaim(1, idle_ms=60_000)
    assert (again.entry_id, again.deliveries) == (entry.entry_id, 1)


async def test_a_late_renewal_does_not_undo_a_release(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """A renewal that was on its way leaves what was handed back claimable, and not lost."""
    entry = await one_claimed(queue, streams)
    await queue.release(entry)
    assert await renew(queue, entry) == set()
    assert len(await other.reclaim(1, idle_ms=60_000)) == 1
    assert await renew(queue, entry) == {entry.entry_id}, "now it is another's"


async def test_what_another_has_handed_back_is_lost_all_the_same(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """A worker that was frozen does not go on with a job that somebody else had in between."""
    entry = await one_claimed(queue, streams)
    [theirs] = await other.reclaim(1, idle_ms=0)
    await other.release(theirs)
    assert await renew(queue, entry) == {entry.entry_id}
    assert not await record(queue, entry, b"late")


async def test_reclaim_counts(queue: JobQueue, other: JobQueue, streams: Streams) -> None:
    """Each takeover from a silent worker counts as a delivery."""
    entry = await one_claimed(queue, streams)
    await expire(streams, "me", entry.entry_id)
    [second] = await other.reclaim(1, idle_ms=1_000)
    await expire(streams, "other", entry.entry_id)
    [third] = await queue.reclaim(1, idle_ms=1_000)
    assert (second.deliveries, third.deliveries) == (2, 3)


# ------------------------------------------------------------------------- the ends


async def test_settle_leaves_nothing(queue: JobQueue, streams: Streams) -> None:
    """No entry, nothing pending, no outbox key, and a lag of nought."""
    for _ in range(5):
        await streams.add(KIND)
    entries = await queue.claim(5, block_ms=0)
    for entry in entries:
        await record(queue, entry, b"x")
        await tick(queue, entry, 1)
    assert not await settle(queue, *entries)
    assert await streams.left_over() == {}
    assert await streams.pending(KIND) == {}
    assert await streams.lag(KIND) == 0


async def test_dead_letter_keeps_the_fields(queue: JobQueue, streams: Streams) -> None:
    """A letter holds the entry's own fields; where a name is taken, ours is read."""
    fields = {"job_id": "j1", "payload": "{}", "dead_reason": "mine", "odd": "ü"}
    entry = await one_claimed(queue, streams, **fields)
    await record(queue, entry, b"x")
    assert await queue.dead_letter(entry, LETTER, keep=10)
    assert await streams.dead() == [fields | LETTER | origin(entry)]
    assert (await streams.left_over(), await streams.pending(KIND)) == ({}, {})


async def test_dead_letter_of_many_fields(queue: JobQueue, streams: Streams) -> None:
    """Of 5,000 fields the first 2,000 are kept, and what we say of it is not crowded out."""
    fields = {f"f{number}": str(number) for number in range(5_000)}
    entry = await one_claimed(queue, streams, **fields)
    assert await queue.dead_letter(entry, LETTER, keep=10)
    [letter] = await streams.dead()
    assert letter == dict(list(fields.items())[:2_000]) | LETTER | origin(entry)


async def test_dead_letter_of_a_deleted_entry(
    queue: JobQueue, streams: Streams, keys: Keys
) -> None:
    """Deleted while we held it, it still leaves a letter that says what we know."""
    entry = await one_claimed(queue, streams)
    await streams.client.execute_command("XDEL", keys.stream(KIND), entry.entry_id)
    assert await queue.dead_letter(entry, LETTER, keep=10)
    assert await streams.dead() == [LETTER | origin(entry)]
    assert await streams.pending(KIND) == {}


async def test_dead_letters_are_bounded(queue: JobQueue, streams: Streams, keys: Keys) -> None:
    """About as many letters are kept as asked for (a node of the stream holds a hundred)."""
    args: list[str | int] = [GROUP, "me", "", 10, 0, "", "dead_reason", "bug"]
    for _ in range(250):
        args[2] = (await one_claimed(queue, streams)).entry_id
        names = [keys.stream(KIND), keys.outbox(KIND), keys.dead, keys.events]
        assert await DEAD_LETTER(streams.client, names, args) == 1
    assert 10 <= len(await streams.dead()) <= 120


# ------------------------------------------------------------------------- leaving


async def test_leave_only_with_empty_hands(queue: JobQueue, streams: Streams, keys: Keys) -> None:
    """A consumer that holds an entry stays: with it the entry would go."""
    entry = await one_claimed(queue, streams)
    stream = keys.stream(KIND)
    assert await LEAVE(streams.client, [stream], [GROUP, "me"]) == 0
    assert set(await streams.pending(KIND)) == {entry.entry_id}
    await settle(queue, entry)
    assert await LEAVE(streams.client, [stream], [GROUP, "me"]) == 1
    assert await streams.client.execute_command("XINFO", "CONSUMERS", stream, GROUP) == []


async def test_leave_with_everything_handed_back(
    queue: JobQueue, streams: Streams, keys: Keys
) -> None:
    """What was handed back is not in its hands: the consumer goes, the entry stays."""
    entry = await one_claimed(queue, streams)
    await queue.release(entry)
    assert await LEAVE(streams.client, [keys.stream(KIND)], [GROUP, "me"]) == 1
    assert {name: row[0] for name, row in (await streams.pending(KIND)).items()} == {
        entry.entry_id: "~handed-back:me",
    }


# ------------------------------------------------------------------------- sending


async def test_a_server_that_forgot_the_scripts(queue: JobQueue, streams: Streams) -> None:
    """After SCRIPT FLUSH, as after a restart or failover, the text is sent again."""
    entry = await one_claimed(queue, streams)
    await streams.client.execute_command("SCRIPT", "FLUSH")
    assert await record(queue, entry, b"x")
    await streams.client.execute_command("SCRIPT", "FLUSH")
    assert not await settle(queue, entry)


async def test_other_errors_come_through(streams: Streams, keys: Keys) -> None:
    """A key of the wrong type is no stream of ours, and no answer."""
    await streams.client.execute_command("SET", keys.stream(KIND), "x")
    names = [keys.stream(KIND), keys.outbox(KIND)]
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await RENEW(streams.client, names, [GROUP, "me", 1, "1-1", ""])
