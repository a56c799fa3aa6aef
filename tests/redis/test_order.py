"""The order of jobs on every server: whatever is lost or in the way, each job is taken once."""

import asyncio
import itertools
from collections import Counter

import pytest
from redis.exceptions import RedisError

from shared.enums import JobType
from shared.redis_streams import GROUP, WAITING, Keys
from tests.builders import Streams, job_fields
from worker.backlog import Backlog
from worker.claiming import Claiming, Limits
from worker.clock import Clock
from worker.gates import Gates
from worker.operations.pausing import PauseNote, pause, resume
from worker.parking import Parking
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients
from worker.queue.turns import Order, Turns
from worker.slots import Slots

KIND, OTHER = str(JobType.TEXT_TAG), str(JobType.FOLLOWUP)
CROWD = 100_000

_FILL = """
for i = 1, tonumber(ARGV[1]) do
  redis.call('XADD', KEYS[1], '*', 'job_id', 'j' .. i, 'payload', '{}', 'tenant', ARGV[2])
end
"""


async def fill(streams: Streams, count: int, tenant: str, job_type: str = KIND) -> None:
    """Put so many jobs of a tenant onto a stream, 10,000 in a command."""
    while count > 0:
        words = ("EVAL", _FILL, 1, streams.keys.stream(job_type), min(count, 10_000), tenant)
        await streams.client.execute_command(*words)
        count -= 10_000


async def all_of_it(*queues: JobQueue) -> list[ClaimedEntry]:
    """What is left, taken by these workers in turn."""
    found: list[ClaimedEntry] = []
    while True:
        batches = [await queue.claim(64, block_ms=0) for queue in queues]
        found += (entry for batch in batches for entry in batch)
        if not any(batches):
            return found


def tenants(entries: list[ClaimedEntry]) -> str:
    """Whose they are."""
    return "".join(entry.fields[b"tenant"].decode() for entry in entries)


# ------------------------------------------------------------------------- who goes first


async def test_one_against_a_crowd(queue: JobQueue, other: JobQueue, streams: Streams) -> None:
    """A tenant's 100,000 jobs do not delay another's one, though it came last of all."""
    await fill(streams, CROWD, "a")
    for _ in range(10):  # the worker is busy with them already
        assert tenants(await queue.claim(1, block_ms=0)) == "a"
    await streams.add(KIND, **job_fields(tenant="b"))
    taken = "".join([tenants(await worker.claim(1, block_ms=0)) for worker in (queue, other) * 3])
    assert "b" in taken


async def test_one_behind_a_crowd_that_nobody_has_seen(queue: JobQueue, streams: Streams) -> None:
    """Even the first claims of all find it soon: what is new is sorted before it is taken."""
    await fill(streams, CROWD, "a")
    await streams.add(KIND, **job_fields(tenant="b"))
    taken = "".join([tenants(await queue.claim(1, block_ms=0)) for _ in range(13)])
    assert "b" in taken


async def test_the_dead_behind_a_crowd(queue: JobQueue, other: JobQueue, streams: Streams) -> None:
    """What a dead worker left is found at once among 100,000 that wait, and none of those is."""
    await fill(streams, CROWD, "a")
    dead = await other.claim(3, block_ms=0)
    while int(await streams.client.execute_command("ZCARD", streams.keys.tickets(KIND))) < 50_000:
        await other.claim(1, block_ms=0)
    found = await queue.reclaim(64, idle_ms=0)
    assert {entry.entry_id for entry in dead} <= {entry.entry_id for entry in found}
    assert all(entry.deliveries == 2 for entry in found)


async def test_shares_of_job_types_at_saturation(queue: JobQueue, streams: Streams) -> None:
    """A worker with one place for seven jobs, each of which ends by itself: shares by weight."""
    await fill(streams, 200, "a")
    await fill(streams, 200, "a", OTHER)
    slots, clock = Slots(7, held_max=99), Clock()
    limits = Limits(slots, Backlog(9, 999), Gates(Parking(), clock), {KIND: (), OTHER: ()})
    turns = Turns({KIND: 1, OTHER: 8})
    claiming = Claiming(queue, limits, clock, lease_s=20, turns=turns)
    started = Counter[str]()
    while started.total() < 90:
        for entry in await claiming.next():
            slots.hold()
            started[entry.job_type] += 1
        slots.give_back()
        slots.drop()
    assert started[KIND] in {10, 11}
    assert started.total() - started[KIND] in range(79, 87)


async def test_the_earliest_deadline_first(queue: JobQueue, streams: Streams) -> None:
    """Of one tenant's jobs, in both ways to write it."""
    now = Clock().now()
    hurries = [now + 900, now + 300, None, now + 600]
    for hurry in hurries:
        more = {"tenant": "a"} | ({} if hurry is None else {"deadline": repr(hurry)})
        await streams.add(KIND, **job_fields(JobType.TEXT_TAG, **more))
    taken = [await queue.claim(1, block_ms=0) for _ in hurries]
    found = [entry.fields.get(b"deadline", b"").decode() for [entry] in taken]
    assert found == [repr(now + 300), repr(now + 600), repr(now + 900), ""]


# ------------------------------------------------------------------------- nothing is lost


@pytest.mark.parametrize("loss", ["destroyed", "flushed", "deleted"])
async def test_the_group_is_lost(
    queue: JobQueue, other: JobQueue, streams: Streams, loss: str
) -> None:
    """What is still there is handed out once more, once only, though old tickets lie about."""
    for tenant in "aabb" * 5:
        await streams.add(KIND, **job_fields(tenant=tenant))
    await queue.claim(2, block_ms=0)
    stream = streams.keys.stream(KIND)
    words = {
        "destroyed": ("XGROUP", "DESTROY", stream, GROUP),
        "flushed": ("FLUSHALL",),
        "deleted": ("DEL", stream),
    }[loss]
    await streams.client.execute_command(*words)
    fresh = [await streams.add(KIND, **job_fields(tenant=tenant)) for tenant in "abc"]
    found: list[ClaimedEntry] = []
    async with asyncio.timeout(30):
        while len(found) < (23 if loss == "destroyed" else 3):
            found += await all_of_it(queue, other)
    ids = [entry.entry_id for entry in found]
    assert len(ids) == len(set(ids)) == (23 if loss == "destroyed" else 3)
    assert set(fresh) <= set(ids)
    assert {entry.deliveries for entry in found} == {1}
    names = [streams.keys.tickets(KIND), streams.keys.turns(KIND)]
    assert await streams.client.execute_command("EXISTS", *names) == 0


async def test_a_lost_group_with_a_full_lookahead(queue: JobQueue, streams: Streams) -> None:
    """Nothing is read any more, so that only the taking can notice; then it goes on."""
    order = Order({KIND: 0}, lookahead=4)
    for _ in range(9):
        await streams.add(KIND, **job_fields(tenant="a"))
    await queue.claim(1, block_ms=0, order=order)
    await streams.client.execute_command("XGROUP", "DESTROY", streams.keys.stream(KIND), GROUP)
    found: set[str] = set()
    async with asyncio.timeout(30):
        while len(found) < 9:
            found |= {e.entry_id for e in await queue.claim(1, block_ms=0, order=order)}


async def test_memory_is_full(queue: JobQueue, streams: Streams) -> None:
    """What waits can still be put in order and taken: nothing else would ever free memory."""
    for tenant in "aaab":
        await streams.add(KIND, **job_fields(tenant=tenant))
    await streams.client.execute_command("CONFIG", "SET", "maxmemory", "1")
    try:
        taken = "".join([tenants(await queue.claim(1, block_ms=0)) for _ in range(4)])
    finally:
        await streams.client.execute_command("CONFIG", "SET", "maxmemory", "0")
    assert sorted(taken) == [*"aaab"]
    assert taken[3] != "b"


async def test_memory_is_full_and_somebody_is_paused(queue: JobQueue, streams: Streams) -> None:
    """Then, too, the others go on, and whoever is resumed."""
    order = Order({KIND: 0}, lookahead=4)
    for tenant in "aaaaaab":
        await streams.add(KIND, **job_fields(tenant=tenant))
    assert tenants(await queue.claim(1, block_ms=0, order=order)) == "a"
    await queue.claim(0, block_ms=0, order=order)  # sorts as many as may be
    await pause(streams.client, streams.keys, ["tenant:a"], PauseNote())
    await streams.client.execute_command("CONFIG", "SET", "maxmemory", "1")
    try:
        assert tenants(await queue.claim(9, block_ms=0, order=order)) == "b"
        await resume(streams.client, streams.keys, ["tenant:a"])
        await queue.reclaim(1, idle_ms=3_600_000)
        assert tenants(await queue.claim(9, block_ms=0, order=order)) == "aaaaa"
    finally:
        await streams.client.execute_command("CONFIG", "SET", "maxmemory", "0")


async def test_workers_in_a_crowd(clients: RedisClients, keys: Keys, streams: Streams) -> None:
    """Several at once, producers meanwhile: every job is taken, and none twice."""
    workers = [JobQueue(clients, keys, [KIND], f"w{number}") for number in range(4)]
    await workers[0].create_groups()
    found: list[ClaimedEntry] = []
    wanted = 400

    async def produce(tenant: str) -> None:
        for _ in range(wanted // 4):
            await streams.add(KIND, **job_fields(tenant=tenant))

    async def work(queue: JobQueue, room: int) -> None:
        while len(found) < wanted:
            found.extend(await queue.claim(room, block_ms=0))

    jobs = (work(queue, room) for queue, room in zip(workers, (1, 2, 7, 64), strict=True))
    async with asyncio.timeout(60):
        await asyncio.gather(*map(produce, "abcd"), *jobs)
    assert len({entry.entry_id for entry in found}) == len(found) == wanted
    owners = Counter(owner for owner, _, _ in (await streams.pending(KIND)).values())
    assert owners.total() == wanted
    assert WAITING not in owners


async def test_a_crowd_is_paused(queue: JobQueue, other: JobQueue, streams: Streams) -> None:
    """Whose 100,000 jobs were there first: the others' go on, and nothing is forgotten."""
    await fill(streams, CROWD, "a")
    assert tenants(await queue.claim(1, block_ms=0)) == "a"
    await pause(streams.client, streams.keys, ["tenant:a"], PauseNote())
    await streams.add(KIND, **job_fields(tenant="b"))
    found = ""
    async with asyncio.timeout(120):
        while found != "b":
            found += tenants(await queue.claim(64, block_ms=0))
    assert await all_of_it(queue, other) == []
    await streams.add(KIND, **job_fields(tenant="c"))
    assert tenants(await other.claim(64, block_ms=0)) == "c"
    await resume(streams.client, streams.keys, ["tenant:a"])
    await other.reclaim(1, idle_ms=3_600_000)
    assert tenants(await other.claim(64, block_ms=0)) == "a" * 64
    tickets = streams.keys.tickets(KIND)
    assert await streams.client.execute_command("ZCARD", tickets) == CROWD - 65


async def test_pauses_in_a_crowd(clients: RedisClients, keys: Keys, streams: Streams) -> None:
    """Tenants come and go under the workers' hands: each job is taken once, none while paused."""
    workers = [JobQueue(clients, keys, [KIND], f"w{number}") for number in range(4)]
    await workers[0].create_groups()
    found: list[ClaimedEntry] = []
    wanted, resting = 400, set[tuple[int, bytes]]()

    async def produce(tenant: str) -> None:
        for _ in range(wanted // 4):
            await streams.add(KIND, **job_fields(tenant=tenant))

    async def steer() -> None:
        for stint, tenant in enumerate(itertools.cycle("abcd")):
            name = [f"tenant:{tenant}"]
            await pause(streams.client, keys, name, PauseNote())
            resting.add((stint, tenant.encode()))
            await streams.add(OTHER)  # somebody else has had a turn at the server
            resting.clear()
            await resume(streams.client, keys, name)
            if len(found) >= wanted:
                return

    async def work(queue: JobQueue, room: int) -> None:
        while len(found) < wanted:
            before = set(resting)
            taken = await queue.claim(room, block_ms=0)
            stopped = {tenant for _, tenant in before & resting}
            assert stopped.isdisjoint(entry.fields[b"tenant"] for entry in taken)
            found.extend(taken)
            await queue.reclaim(1, idle_ms=3_600_000)

    jobs = (work(queue, room) for queue, room in zip(workers, (1, 2, 7, 64), strict=True))
    async with asyncio.timeout(120):
        await asyncio.gather(*map(produce, "abcd"), steer(), *jobs)
    assert len({entry.entry_id for entry in found}) == len(found) == wanted
    assert {entry.deliveries for entry in found} == {1}


@pytest.mark.parametrize("name", ["tickets", "turns"])
async def test_a_wrong_type_of_key_is_told(queue: JobQueue, streams: Streams, name: str) -> None:
    """Somebody uses our name for something else: an error, which no waiting mends."""
    key = streams.keys.tickets(KIND) if name == "tickets" else streams.keys.turns(KIND)
    await streams.client.execute_command("SET", key, "x")
    for _ in range(3):
        await streams.add(KIND)
    with pytest.raises(RedisError, match="WRONGTYPE"):
        await queue.claim(1, block_ms=0)
