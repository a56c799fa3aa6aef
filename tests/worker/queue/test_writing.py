"""Records, ticks and settles reach Redis, in few scripts, and a record survives its job's end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams, claimed, turn, until
from worker.errors import Halt
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import BATCH_MAX, Fields, JobQueue
from worker.queue.redis_clients import RedisClients
from worker.queue.writing import Writing

pytestmark = pytest.mark.redis
EVENT = {"event": "completed"}


class CountedQueue(JobQueue):
    """Writes down how many went in each script; holds records up, and loses replies to settles."""

    def __init__(self, clients: RedisClients, keys: Keys) -> None:
        super().__init__(clients, keys, list(JobType), "me", events_kept=1_000)
        self.calls: list[tuple[str, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.late_errors: list[Exception] = []

    async def record(self, records: Sequence[tuple[ClaimedEntry, bytes]]) -> list[bool]:
        """Record, after the gate."""
        self.calls.append(("record", len(records)))
        await self.gate.wait()
        return await super().record(records)

    async def tick(self, ticks: Sequence[tuple[ClaimedEntry, int]]) -> list[bool]:
        """Tick."""
        self.calls.append(("tick", len(ticks)))
        return await super().tick(ticks)

    async def settle(self, settles: Sequence[tuple[ClaimedEntry, Fields]]) -> list[bool]:
        """Settle; what is to go wrong goes wrong after it is done."""
        self.calls.append(("settle", len(settles)))
        ours = await super().settle(settles)
        if self.late_errors:
            raise self.late_errors.pop(0)
        return ours


@pytest.fixture
async def counted(clients: RedisClients, keys: Keys) -> CountedQueue:
    """A queue that counts."""
    made = CountedQueue(clients, keys)
    await made.create_groups()
    return made


@asynccontextmanager
async def running(writing: Writing) -> AsyncGenerator[None]:
    """The loops, for as long as the block lasts."""
    task = asyncio.create_task(writing.run())
    yield
    task.cancel()
    await asyncio.wait({task})


@pytest.fixture
async def writing(counted: CountedQueue) -> AsyncIterator[Writing]:
    """What is tested, running."""
    made = Writing(counted)
    async with running(made):
        yield made


async def claimed_of_all(queue: JobQueue, streams: Streams, each: int) -> list[ClaimedEntry]:
    """So many entries of each job type, in our hands."""
    for _ in range(each):
        for job_type in JobType:
            await streams.add(job_type)
    return await queue.claim(each * len(JobType), block_ms=0)


async def test_one_script_for_all(
    counted: CountedQueue, writing: Writing, streams: Streams
) -> None:
    """Many entries of all streams are recorded, ticked and settled in one call each."""
    entries = await claimed_of_all(counted, streams, 10)
    assert all(await asyncio.gather(*(writing.record(entry, b"answer") for entry in entries)))
    assert all(await asyncio.gather(*(writing.tick(entry, 1) for entry in entries)))
    assert len(await streams.outbox()) == 20
    assert all(await asyncio.gather(*(writing.settle(entry, EVENT) for entry in entries)))
    count = len(entries)
    assert counted.calls == [("record", count), ("tick", count), ("settle", count)]
    assert await streams.left_over() == {}
    assert len(await streams.events()) == count


async def test_no_more_than_a_script_takes(
    counted: CountedQueue, writing: Writing, streams: Streams
) -> None:
    """Beyond the bound of one call there is a second."""
    for _ in range(BATCH_MAX + 3):
        await streams.add()
    entries = await counted.claim(BATCH_MAX + 3, block_ms=0)
    assert all(await asyncio.gather(*(writing.record(entry, b"x") for entry in entries)))
    assert counted.calls == [("record", BATCH_MAX), ("record", 3)]


async def test_not_ours(counted: CountedQueue, writing: Writing, streams: Streams) -> None:
    """The owner is told yes and the zombie no, of whom nobody hears."""
    [mine, *_] = await claimed_of_all(counted, streams, 1)
    stranger = claimed()
    assert await asyncio.gather(writing.record(stranger, b"x"), writing.record(mine, b"x")) == [
        False,
        True,
    ]
    assert await asyncio.gather(writing.tick(stranger, 1), writing.tick(mine, 1)) == [False, True]
    told = [writing.settle(mine, {"job_id": "mine"}), writing.settle(stranger, {"job_id": "?"})]
    assert await asyncio.gather(*told) == [True, False]
    assert await streams.events() == [{"job_id": "mine"}]


async def test_a_lost_reply_is_a_settled_job(
    counted: CountedQueue, writing: Writing, streams: Streams
) -> None:
    """Sent again after a lost reply nothing is ours any more: it is settled, and told as done."""
    counted.late_errors = [ConnectionResetError()]
    entries = await claimed_of_all(counted, streams, 1)
    assert all(await asyncio.gather(*(writing.settle(entry, EVENT) for entry in entries)))
    assert await streams.left_over() == {}
    assert len(await streams.events()) == len(entries)


async def test_a_cancelled_job_keeps_its_record(
    counted: CountedQueue, writing: Writing, streams: Streams
) -> None:
    """Whoever is cancelled while its answer is on its way goes on only when that is written."""
    [entry, *_] = await claimed_of_all(counted, streams, 1)
    counted.gate.clear()
    job = asyncio.create_task(writing.record(entry, b"answer"))
    await until(lambda: bool(counted.calls))
    job.cancel()
    await turn()
    assert not job.done()
    counted.gate.set()
    await asyncio.wait({job})
    assert job.cancelled()
    assert list((await streams.outbox(JobType(entry.job_type))).values()) == [b"answer"]


async def test_cancelled_twice(counted: CountedQueue, writing: Writing, streams: Streams) -> None:
    """Who cannot wait for that cancels once more; the record is written all the same."""
    [entry, *_] = await claimed_of_all(counted, streams, 1)
    counted.gate.clear()
    job = asyncio.create_task(writing.record(entry, b"answer"))
    await until(lambda: bool(counted.calls))
    for _ in range(2):
        job.cancel()
        await turn()
    assert job.cancelled()
    counted.gate.set()
    async with asyncio.timeout(10):
        while not await streams.outbox(JobType(entry.job_type)):
            await turn()


async def test_a_server_without_the_commands(
    writing: Writing, clients: RedisClients, keys: Keys
) -> None:
    """What no waiting mends reaches the job, which stops the worker."""
    await clients.commands.execute_command("DEL", keys.stream(JobType.TEXT_TAG))
    await clients.commands.execute_command("SET", keys.stream(JobType.TEXT_TAG), "x")
    for write in (writing.record(claimed(), b"x"), writing.settle(claimed(), EVENT)):
        with pytest.raises(Halt, match="WRONGTYPE"):
            await write


async def test_over(counted: CountedQueue) -> None:
    """Once the loops have ended nobody waits for them."""
    writing = Writing(counted)
    async with running(writing):
        await turn()
    job = asyncio.create_task(writing.record(claimed(), b"x"))
    await asyncio.wait({job})
    assert job.cancelled()
