"""Each verb of the queue means the same on every server there is, Redis or Valkey, old or new."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis.exceptions import RedisError

from shared.enums import FailureReason, JobType
from shared.redis_streams import GROUP, Keys
from tests.builders import FakeCore, Streams
from tests.one_by_one import record, renew, settle, tick
from tests.redis.servers import Source, sources
from worker.clock import Clock
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.dead_letters import DeadLetters, LetterFilter
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients
from worker.strays import Strays

KIND = JobType.TEXT_TAG
LETTER = {"dead_reason": "bug", "dead_error": "no luck", "dead_outcome": "{}"}


async def taken(queue: JobQueue, streams: Streams) -> ClaimedEntry:
    """A job in this worker's hands."""
    await streams.add(KIND, job_id="j1", payload="{}")
    [entry] = await queue.claim(1, block_ms=0)
    return entry


async def blocked(streams: Streams) -> None:
    """Return once a reader waits at the server."""
    async with asyncio.timeout(10):
        while not (await streams.client.execute_command("INFO", "clients"))["blocked_clients"]:
            pass


# ------------------------------------------------------------------------- the servers


def test_a_program_is_found_once_and_a_missing_one_is_told() -> None:
    """The list adds programs; one that is no program says so and is skipped."""
    known = sources({"PATH": ""})
    there = next(source for source in known if source.program)
    more = f"{there.program}:/no/such/redis-server"
    found = sources({"PATH": "", "LLM_WORKER_REDIS_SERVERS": more})
    assert [source for source in found if source.program] == [there]
    assert "/no/such/redis-server, which is no program" in found[-1].why_not


async def test_the_floor(redis_server: object, streams: Streams) -> None:
    """No server here is older than the oldest that is promised."""
    info = await streams.client.execute_command("INFO", "server")
    numbers = tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])
    assert numbers >= (6, 2)


# ------------------------------------------------------------------------- the way of a job


async def test_from_claim_to_settled(queue: JobQueue, streams: Streams) -> None:
    """Claimed, renewed, recorded, ticked off, settled: and nothing of it is left."""
    entry = await taken(queue, streams)
    assert entry == ClaimedEntry(KIND, entry.entry_id, {b"job_id": b"j1", b"payload": b"{}"}, 1)
    assert await renew(queue, entry) == set()
    assert await record(queue, entry, b"answer")
    assert await tick(queue, entry, 2)
    assert await streams.outbox(KIND) == {
        entry.entry_id.encode(): b"answer",
        f"{entry.entry_id}:n".encode(): b"2",
    }
    assert await settle(queue, entry) == set()
    assert await settle(queue, entry) == {entry.entry_id}
    assert await streams.left_over() == {}
    assert await streams.pending(KIND) == {}


async def test_settling_tells_of_it(clients: RedisClients, keys: Keys, streams: Streams) -> None:
    """Where events are kept, a settled job is one."""
    queue = JobQueue(clients, keys, [KIND], "me", events_kept=10)
    await queue.create_groups()
    entry = await taken(queue, streams)
    assert await settle(queue, entry, event={"job_id": "j1"}) == set()
    [(_, fields)] = await streams.client.execute_command("XRANGE", keys.events, "-", "+")
    assert fields == {b"job_id": b"j1"}


async def test_a_job_ends_the_wait(queue: JobQueue, streams: Streams) -> None:
    """A blocked claim returns with the job that is added."""
    claim = asyncio.create_task(queue.claim(64, block_ms=60_000))
    await blocked(streams)
    entry_id = await streams.add(KIND)
    assert [entry.entry_id for entry in await claim] == [entry_id]


async def test_wake_ends_the_wait(queue: JobQueue, streams: Streams) -> None:
    """A blocked claim returns with nothing when the worker is to stop."""
    claim = asyncio.create_task(queue.claim(64, block_ms=60_000))
    await blocked(streams)
    await queue.wake()
    assert await claim == []


async def test_reclaim_brings_what_was_recorded(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """A dead worker's job comes with its answer, what was delivered of it, and its deliveries."""
    entry = await taken(other, streams)
    await record(other, entry, b"answer")
    await tick(other, entry, 1)
    assert await queue.reclaim(8, idle_ms=3_600_000) == []
    [mine] = await queue.reclaim(8, idle_ms=0)
    assert mine == ClaimedEntry(KIND, entry.entry_id, entry.fields, 2, b"answer", 1, "other")


async def test_reclaim_acknowledges_ghosts(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """What was deleted while it was pending goes off the books; 6.2 would hand out nothing."""
    ghost = await taken(other, streams)
    whole = await taken(other, streams)
    await record(other, ghost, b"answer")
    await streams.client.execute_command("XDEL", streams.keys.stream(KIND), ghost.entry_id)
    assert [entry.entry_id for entry in await queue.reclaim(8, idle_ms=0)] == [whole.entry_id]
    assert set(await streams.pending(KIND)) == {whole.entry_id}
    assert await streams.outbox(KIND) == {}


async def test_what_was_taken_over_is_lost_to_the_first(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """A worker that wakes too late writes nothing, whatever it tries."""
    entry = await taken(queue, streams)
    [theirs] = await other.reclaim(8, idle_ms=0)
    assert await renew(queue, entry) == {entry.entry_id}
    assert not await record(queue, entry, b"late")
    assert not await tick(queue, entry, 1)
    assert not await queue.dead_letter(entry, LETTER, keep=10)
    assert await settle(queue, entry) == {entry.entry_id}
    await queue.release(entry)
    assert await streams.outbox(KIND) == {}
    assert await streams.dead() == []
    owner, _, deliveries = (await streams.pending(KIND))[entry.entry_id]
    assert (owner, deliveries) == ("other", theirs.deliveries)


async def test_renewing_counts_no_delivery(queue: JobQueue, streams: Streams) -> None:
    """A long job that is renewed again and again is no poison."""
    entry = await taken(queue, streams)
    for _ in range(5):
        assert not await renew(queue, entry)
    assert (await streams.pending(KIND))[entry.entry_id][2] == 1


async def test_release_hands_back_at_once_and_uncounted(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """Anybody may claim it, however long the lease was; a late renewal doesn't take it back."""
    entry = await taken(queue, streams)
    await queue.release(entry)
    await renew(queue, entry)
    [theirs] = await other.reclaim(8, idle_ms=3_600_000)
    assert (theirs.entry_id, theirs.deliveries) == (entry.entry_id, 1)


async def test_dead_letter_and_back(queue: JobQueue, keys: Keys, streams: Streams) -> None:
    """A job goes to the dead letters in one step, and comes back in one, with its answer."""
    entry = await taken(queue, streams)
    assert await queue.dead_letter(entry, LETTER, keep=10)
    assert await streams.left_over() == {}
    [letter] = await streams.dead()
    assert letter["job_id"] == "j1"
    assert letter["dead_entry_id"] == entry.entry_id
    letters = DeadLetters(streams.client, keys)
    [found] = [one async for one in letters.find(LetterFilter(reason="bug"), Clock().now() + 1)]
    entry_id = await letters.replay(found)
    [again] = await queue.claim(1, block_ms=0)
    assert (again.entry_id, again.fields[b"job_id"]) == (entry_id, b"j1")
    assert again.outcome == b"{}"
    assert await streams.dead() == []


async def test_leave_only_with_nothing_held(
    queue: JobQueue, streams: Streams, other: JobQueue
) -> None:
    """A consumer that still holds a job stays, or the job would never be seen again."""
    entry = await taken(queue, streams)
    stream = streams.keys.stream(KIND)
    await queue.leave()
    assert await streams.client.execute_command("XINFO", "CONSUMERS", stream, GROUP)
    await settle(queue, entry)
    await queue.leave()
    assert await streams.client.execute_command("XINFO", "CONSUMERS", stream, GROUP) == []
    assert await other.reclaim(8, idle_ms=0) == []


async def test_strays(clients: RedisClients, keys: Keys, streams: Streams) -> None:
    """A job on a stream that nobody serves is told to Core and moved to the dead letters."""
    core = FakeCore()
    strays = Strays(clients.commands, keys, core, Clock(), after_s=0, dead_letters_kept=10)
    await streams.client.execute_command("XADD", f"{keys.prefix}:text_tags", "1-1", "job_id", "j1")
    assert await strays.sweep() == 1
    assert [call.subject for call in core.finished] == ["j1 failed"]
    [letter] = await streams.dead()
    assert letter["dead_reason"] == FailureReason.UNKNOWN_JOB_TYPE


async def test_big_batches(queue: JobQueue, streams: Streams) -> None:
    """Five hundred entries are claimed, renewed and settled in one call each."""
    for _ in range(500):
        await streams.add(KIND)
    entries = await queue.claim(500, block_ms=0)
    assert len(entries) == 500
    assert await renew(queue, *entries) == set()
    assert all(await queue.record([(entry, b"answer") for entry in entries]))
    assert all(await queue.tick([(entry, 1) for entry in entries]))
    assert await settle(queue, *entries) == set()
    assert await streams.left_over() == {}


# ------------------------------------------------------------------------- what is lost


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize("loss", ["destroyed", "flushed", "deleted"])
async def test_a_lost_group_comes_back(
    queue: JobQueue, streams: Streams, loss: str, waiting: bool
) -> None:
    """Lost between two reads or during one, the group is made again, and nothing is skipped."""
    stream = streams.keys.stream(KIND)
    words = {
        "destroyed": ("XGROUP", "DESTROY", stream, GROUP),
        "flushed": ("FLUSHALL",),
        "deleted": ("DEL", stream),
    }[loss]
    claim = asyncio.create_task(queue.claim(64, block_ms=60_000 if waiting else 0))
    if waiting:
        await blocked(streams)
    else:
        assert await claim == []
    await streams.client.execute_command(*words)
    entry_id = await streams.add(KIND)
    entries = await claim
    async with asyncio.timeout(10):
        while not entries:
            entries = await queue.claim(64, block_ms=0)
    assert [entry.entry_id for entry in entries] == [entry_id]


LATE: dict[str, Callable[[JobQueue, ClaimedEntry], Awaitable[object]]] = {
    "renew": renew,
    "settle": settle,
    "record": lambda queue, entry: record(queue, entry, b"late"),
    "tick": lambda queue, entry: tick(queue, entry, 1),
    "release": lambda queue, entry: queue.release(entry),
    "dead_letter": lambda queue, entry: queue.dead_letter(entry, LETTER, keep=10),
}


@pytest.mark.parametrize("verb", LATE)
async def test_without_its_group_nothing_is_ours(
    queue: JobQueue, streams: Streams, verb: str
) -> None:
    """After FLUSHALL every verb says that the entry is lost, and writes nothing."""
    entry = await taken(queue, streams)
    await streams.client.execute_command("FLUSHALL")
    assert await LATE[verb](queue, entry) in (None, False, {entry.entry_id})
    assert await streams.client.execute_command("DBSIZE") == 0


async def test_lost_scripts_are_sent_again(queue: JobQueue, streams: Streams) -> None:
    """SCRIPT FLUSH before every step is not noticed."""
    await streams.add(KIND)
    flush = ("SCRIPT", "FLUSH")
    await streams.client.execute_command(*flush)
    [entry] = await queue.claim(1, block_ms=0)
    await streams.client.execute_command(*flush)
    assert await record(queue, entry, b"answer")
    await streams.client.execute_command(*flush)
    assert await settle(queue, entry) == set()


async def test_a_wrong_key_is_an_error(queue: JobQueue, streams: Streams) -> None:
    """A key of ours that somebody used for something else is told, not swallowed."""
    await streams.client.execute_command("FLUSHALL")
    await streams.client.execute_command("SET", streams.keys.stream(KIND), "x")
    with pytest.raises(RedisError, match="WRONGTYPE"):
        await queue.claim(1, block_ms=0)


def test_versions_are_read(source: Source) -> None:
    """Each program that is used here has told its version."""
    assert source.version > (6,)
