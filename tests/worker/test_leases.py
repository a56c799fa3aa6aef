"""Leases are renewed together for as long as they are held, and a lost one ends its job."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.enums import JobType
from shared.redis_streams import GROUP
from tests.builders import Streams, job, until
from tests.one_by_one import settle
from worker.job import Job, Stage
from worker.leases import Leases
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import JobQueue

pytestmark = pytest.mark.redis
LEASE_S = 0.3


@pytest.fixture
def leases(queue: JobQueue) -> Leases:
    """What this worker holds: nothing yet."""
    return Leases(queue, LEASE_S)


@pytest.fixture
async def held(
    leases: Leases, queue: JobQueue, streams: Streams
) -> AsyncIterator[list[tuple[Job, asyncio.Task[None]]]]:
    """One running job on each of the first three streams."""
    rows: list[tuple[Job, asyncio.Task[None]]] = []
    for job_type in list(JobType)[:3]:
        await streams.add(job_type)
    for entry in await queue.claim(3, block_ms=0):
        made = job(entry)
        task = asyncio.create_task(forever())
        leases.hold(made, task)
        rows.append((made, task))
    yield rows
    for _, task in rows:
        task.cancel()
    await asyncio.wait({task for _, task in rows})


async def forever() -> None:
    """A job that never ends by itself."""
    await asyncio.Event().wait()


async def age(streams: Streams, entry: ClaimedEntry, idle_ms: int) -> None:
    """Make a lease look old."""
    await streams.client.execute_command(
        *("XCLAIM", streams.keys.stream(entry.job_type), GROUP, "me", 0, entry.entry_id),
        *("IDLE", idle_ms, "JUSTID"),
        parse_justid=True,
    )


async def idle_ms(streams: Streams, made: Job) -> int:
    """How long ago a lease was renewed."""
    return (await streams.pending(made.entry.job_type))[made.entry.entry_id][1]


async def test_what_is_held(leases: Leases, held: list[tuple[Job, asyncio.Task[None]]]) -> None:
    """A job is held from `hold` to `drop`; a second drop does no harm."""
    made = held[0][0]
    assert len(leases) == 3
    assert {id(each) for each in leases} == {id(each) for each, _ in held}
    assert leases.holds(made.entry.job_type, made.entry.entry_id)
    for _ in range(2):
        leases.drop(made)
    assert len(leases) == 2
    assert not leases.holds(made.entry.job_type, made.entry.entry_id)


async def test_renewed_over_all_streams(
    leases: Leases, held: list[tuple[Job, asyncio.Task[None]]], streams: Streams
) -> None:
    """One round makes every lease young, and counts as no delivery."""
    for made, _ in held:
        await age(streams, made.entry, 3_600_000)
    await leases.renew()
    for made, task in held:
        assert await idle_ms(streams, made) < 60_000
        assert (await streams.pending(made.entry.job_type))[made.entry.entry_id][2] == 1
        assert not task.done()


async def test_a_dropped_lease_is_left_alone(
    leases: Leases, held: list[tuple[Job, asyncio.Task[None]]], streams: Streams
) -> None:
    """What is not held any more is not renewed."""
    made = held[0][0]
    await age(streams, made.entry, 3_600_000)
    leases.drop(made)
    await leases.renew()
    assert await idle_ms(streams, made) > 60_000


async def test_lost(
    leases: Leases,
    held: list[tuple[Job, asyncio.Task[None]]],
    streams: Streams,
    other: JobQueue,
) -> None:
    """The job whose entry another worker has is told so and cancelled; the others go on."""
    (made, task), *rest = held
    await age(streams, made.entry, 3_600_000)
    assert len(await other.reclaim(1, idle_ms=60_000)) == 1
    await leases.renew()
    await asyncio.wait({task})
    assert task.cancelled()
    assert made.lost
    assert not any(task.done() or made.lost for made, task in rest)


async def test_lost_while_settling(
    leases: Leases, held: list[tuple[Job, asyncio.Task[None]]], queue: JobQueue
) -> None:
    """A job that is being settled is not cancelled: its entry is gone because it is done."""
    made, task = held[0]
    made.stage = Stage.SETTLE
    await settle(queue, made.entry)
    await leases.renew()
    await asyncio.sleep(0)
    assert not task.done()
    assert not made.lost


async def test_dropped_while_the_renewal_is_away(
    leases: Leases, held: list[tuple[Job, asyncio.Task[None]]], queue: JobQueue
) -> None:
    """A lease that ends while its renewal is on its way is no lost one."""
    made, task = held[0]
    await settle(queue, made.entry)
    renewal = asyncio.create_task(leases.renew())
    await asyncio.sleep(0)
    leases.drop(made)
    await renewal
    await asyncio.sleep(0)
    assert not task.done()


async def test_handed_back_while_the_renewal_is_away(
    leases: Leases,
    held: list[tuple[Job, asyncio.Task[None]]],
    queue: JobQueue,
    other: JobQueue,
) -> None:
    """A renewal that overtakes nothing: what was handed back stays free for anybody, at once."""
    made, task = held[0]
    await queue.release(made.entry)
    await leases.renew()
    assert [e.entry_id for e in await other.reclaim(9, idle_ms=60_000)] == [made.entry.entry_id]
    assert not task.done()


async def test_cancel_all(leases: Leases, held: list[tuple[Job, asyncio.Task[None]]]) -> None:
    """Every job is cancelled, and none of them counts as lost."""
    leases.cancel_all()
    await asyncio.wait({task for _, task in held})
    assert all(task.cancelled() and not made.lost for made, task in held)


async def test_a_hand_back_is_not_cut_off_at_once(
    leases: Leases, held: list[tuple[Job, asyncio.Task[None]]]
) -> None:
    """The grace may end while an entry is on its way back; only the second call ends that too."""
    made, task = held[0]
    made.stage = Stage.HAND_BACK
    leases.cancel_all()
    await asyncio.wait({other for _, other in held[1:]})
    assert not task.done()
    leases.cancel_all()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_renewed_for_ever(
    leases: Leases,
    held: list[tuple[Job, asyncio.Task[None]]],
    other: JobQueue,
) -> None:
    """As long as the loop runs nobody else gets an entry; each try is a sign of life."""
    beats: list[None] = []
    loop = asyncio.create_task(leases.renew_forever(lambda: beats.append(None)))
    async with asyncio.timeout(10):
        while len(beats) < 6:  # two leases long
            assert await other.reclaim(9, idle_ms=int(LEASE_S * 1_000)) == []
    loop.cancel()
    await asyncio.wait({loop})
    assert len(leases) == len(held)


async def test_nothing_held(leases: Leases) -> None:
    """With nothing to renew the loop still shows signs of life."""
    beats: list[None] = []
    loop = asyncio.create_task(leases.renew_forever(lambda: beats.append(None)))
    await until(lambda: len(beats) > 1)
    loop.cancel()
    await asyncio.wait({loop})
