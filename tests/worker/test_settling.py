"""Settles gather into batches by themselves, and every caller learns about its own entry."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams, claimed, until
from worker.errors import Halt
from worker.job_queue import BATCH_MAX, Fields, JobQueue
from worker.redis_clients import RedisClients
from worker.settling import Settling

pytestmark = pytest.mark.redis
EVENT = {"event": "completed"}


class CountedQueue(JobQueue):
    """Writes down each batch; a gate holds them up."""

    def __init__(self, clients: RedisClients, keys: Keys) -> None:
        super().__init__(clients, keys, list(JobType), "me", events_kept=1_000)
        self.batches: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.errors: list[Exception] = []
        self.late_errors: list[Exception] = []

    async def settle(
        self, job_type: str, entry_ids: Sequence[str], events: Sequence[Fields] = ()
    ) -> set[str]:
        """Settle, after the gate; what is to go wrong goes wrong before it is sent, or after."""
        self.batches.append(len(entry_ids))
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        lost = await super().settle(job_type, entry_ids, events)
        if self.late_errors:
            raise self.late_errors.pop(0)
        return lost


@pytest.fixture
async def counted(clients: RedisClients, keys: Keys) -> CountedQueue:
    """A queue that counts."""
    made = CountedQueue(clients, keys)
    await made.create_groups()
    return made


@asynccontextmanager
async def running(settling: Settling) -> AsyncGenerator[asyncio.Task[None]]:
    """The loop, for as long as the block lasts."""
    task = asyncio.create_task(settling.run())
    yield task
    task.cancel()
    await asyncio.wait({task})


async def test_settled(counted: CountedQueue, streams: Streams) -> None:
    """Many entries of several streams are settled, each caller is told yes, nothing is left."""
    settling = Settling(counted)
    for _ in range(10):
        for job_type in JobType:
            await streams.add(job_type)
    entries = await counted.claim(10 * len(JobType), block_ms=0)
    async with running(settling):
        assert all(await asyncio.gather(*(settling.settle(entry, EVENT) for entry in entries)))
    assert len(counted.batches) <= len(JobType) + 1
    assert await streams.left_over() == {}


async def test_not_ours(counted: CountedQueue, streams: Streams) -> None:
    """In one batch, the owner is told yes and the zombie no."""
    settling = Settling(counted)
    await streams.add()
    [mine] = await counted.claim(1, block_ms=0)
    async with running(settling):
        told = await asyncio.gather(settling.settle(mine, EVENT), settling.settle(claimed(), EVENT))
    assert told == [True, False]


async def test_batches_form_while_one_is_away(counted: CountedQueue, streams: Streams) -> None:
    """What comes while a batch is on its way goes together, up to the bound of one call."""
    settling = Settling(counted)
    for _ in range(BATCH_MAX + 11):
        await streams.add()
    first, *rest = await counted.claim(BATCH_MAX + 11, block_ms=0)
    counted.gate.clear()
    async with running(settling):
        waiting = [asyncio.ensure_future(settling.settle(first, EVENT))]
        await until(lambda: bool(counted.batches))
        waiting += [asyncio.ensure_future(settling.settle(entry, EVENT)) for entry in rest]
        await asyncio.sleep(0)
        counted.gate.set()
        assert all(await asyncio.gather(*waiting))
    assert counted.batches == [1, BATCH_MAX, 10]
    assert await streams.left_over() == {}


async def test_a_caller_that_gave_up(counted: CountedQueue, streams: Streams) -> None:
    """A cancelled caller's entry is settled all the same, and the loop goes on."""
    settling = Settling(counted)
    await streams.add()
    await streams.add()
    first, second = await counted.claim(2, block_ms=0)
    counted.gate.clear()
    async with running(settling):
        gone = asyncio.create_task(settling.settle(first, EVENT))
        await until(lambda: bool(counted.batches))
        gone.cancel()
        await asyncio.wait({gone})
        counted.gate.set()
        assert await settling.settle(second, EVENT)
    assert await streams.left_over() == {}


async def test_an_outage_is_waited_out(counted: CountedQueue, streams: Streams) -> None:
    """A batch that Redis did not answer is sent again."""
    settling = Settling(counted)
    counted.errors = [ConnectionResetError(), TimeoutError()]
    await streams.add()
    [entry] = await counted.claim(1, block_ms=0)
    async with running(settling):
        assert await settling.settle(entry, EVENT)
    assert counted.batches == [1, 1, 1]


async def test_a_lost_reply_is_a_settled_job(counted: CountedQueue, streams: Streams) -> None:
    """Sent again after a lost reply nothing is ours any more: it is settled, and told as done."""
    settling = Settling(counted)
    counted.late_errors = [ConnectionResetError()]
    for _ in range(3):
        await streams.add()
    entries = await counted.claim(3, block_ms=0)
    async with running(settling):
        assert all(await asyncio.gather(*(settling.settle(entry, EVENT) for entry in entries)))
    assert (await streams.left_over(), await streams.pending()) == ({}, {})
    assert len(await streams.events()) == 3


async def test_told_of_what_was_ours(counted: CountedQueue, streams: Streams) -> None:
    """Each settled entry's event is told once; a zombie's is not."""
    settling = Settling(counted)
    await streams.add()
    [mine] = await counted.claim(1, block_ms=0)
    async with running(settling):
        told = [
            settling.settle(mine, {"job_id": "mine"}),
            settling.settle(claimed(), {"job_id": "?"}),
        ]
        await asyncio.gather(*told)
    assert await streams.events() == [{"job_id": "mine"}]


async def test_a_server_without_the_commands(
    counted: CountedQueue, clients: RedisClients, keys: Keys
) -> None:
    """What no waiting mends ends the loop, which takes the worker down."""
    settling = Settling(counted)
    await clients.commands.execute_command("DEL", keys.stream(JobType.TEXT_TAG))
    await clients.commands.execute_command("SET", keys.stream(JobType.TEXT_TAG), "x")
    async with running(settling) as loop:
        waiting = asyncio.create_task(settling.settle(claimed(), EVENT))
        await asyncio.wait({loop})
        assert isinstance(loop.exception(), Halt)
        waiting.cancel()
        await asyncio.wait({waiting})
