"""Writes gather into batches by themselves, and every caller learns about its own."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from redis.exceptions import AuthenticationError

from tests.builders import turn, until
from worker.errors import Halt
from worker.queue.gathering import BATCH_BYTES, Gathering

BATCH_MAX = 5


@dataclass
class Server:
    """Takes writes, which are numbers; nothing above 100 is ours."""

    batches: list[list[int]] = field(default_factory=list[list[int]])
    errors: list[Exception] = field(default_factory=list[Exception])
    """What the next sendings raise, one each."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, writes: Sequence[int]) -> list[bool]:
        """Take a batch, once the gate is open."""
        self.batches.append(list(writes))
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        return [write <= 100 for write in writes]

    def gathering(self, *, size: int = 1, ends: bool = False) -> Gathering[int]:
        """What is tested; each write has this many bytes."""
        return Gathering(
            self.send, doing="test", batch_max=BATCH_MAX, size=lambda _: size, ends=ends
        )


@pytest.fixture
def server() -> Server:
    """A server that answers at once."""
    made = Server()
    made.gate.set()
    return made


@asynccontextmanager
async def running(gathering: Gathering[int]) -> AsyncGenerator[asyncio.Task[None]]:
    """The loop, for as long as the block lasts."""
    task = asyncio.create_task(gathering.run())
    yield task
    task.cancel()
    await asyncio.wait({task})


async def test_each_learns_about_its_own(server: Server) -> None:
    """In one batch, the owner is told yes and the zombie no."""
    gathering = server.gathering()
    async with running(gathering):
        told = await asyncio.gather(*(gathering.put(n) for n in (1, 101, 2)))
    assert told == [True, False, True]
    assert server.batches == [[1, 101, 2]]


async def test_batches_form_in_the_rest(server: Server) -> None:
    """The first is sent at once; what comes soon after it goes together, though all is answered."""
    gathering = server.gathering()
    async with running(gathering):
        await gathering.put(0)
        answers = [gathering.put(1)]
        await turn(5)
        answers.append(gathering.put(2))
        await asyncio.gather(*answers)
    assert server.batches == [[0], [1, 2]]


async def test_batches_form_while_one_is_away(server: Server) -> None:
    """What comes while a batch is on its way goes together, in order, up to the bound."""
    gathering = server.gathering()
    server.gate.clear()
    async with running(gathering):
        answers = [gathering.put(0)]
        await until(lambda: bool(server.batches))
        answers += [gathering.put(n) for n in range(1, 9)]
        await turn()
        assert server.batches == [[0]]
        server.gate.set()
        assert all(await asyncio.gather(*answers))
    assert server.batches == [[0], [1, 2, 3, 4, 5], [6, 7, 8]]


async def test_large_writes_go_alone(server: Server) -> None:
    """A batch is bounded by bytes, too; what is larger than the bound goes all the same."""
    third, more = server.gathering(size=BATCH_BYTES // 3), server.gathering(size=BATCH_BYTES + 1)
    async with running(third), running(more):
        assert all(await asyncio.gather(*(third.put(n) for n in range(4))))
        assert all(await asyncio.gather(*(more.put(n) for n in (5, 6))))
    assert server.batches == [[0, 1, 2], [3], [5], [6]]


async def test_a_caller_that_gave_up(server: Server) -> None:
    """A cancelled caller's write is sent all the same, and the loop goes on."""
    gathering = server.gathering()
    server.gate.clear()
    async with running(gathering):
        first = gathering.put(0)
        await until(lambda: bool(server.batches))
        second, third = gathering.put(1), gathering.put(2)
        first.cancel()
        second.cancel()
        server.gate.set()
        assert await third
    assert server.batches == [[0], [1, 2]]


async def test_an_outage_is_waited_out(server: Server) -> None:
    """A batch that was not answered is sent again; what came meanwhile goes with the next."""
    server.errors = [ConnectionResetError(), TimeoutError()]
    gathering = server.gathering()
    async with running(gathering):
        first = gathering.put(1)
        await until(lambda: len(server.batches) == 2)
        assert await asyncio.gather(first, gathering.put(2)) == [True, True]
    assert server.batches == [[1], [1], [1], [2]]


@pytest.mark.parametrize("ends", [True, False])
async def test_a_lost_reply(server: Server, ends: bool) -> None:
    """What is not ours at the second sending: ended by the first, or another worker's."""
    server.errors = [ConnectionResetError()]
    gathering = server.gathering(ends=ends)
    async with running(gathering):
        assert await gathering.put(101) == ends
        assert not await gathering.put(102)


async def test_a_refusal_is_its_callers(server: Server) -> None:
    """What no waiting mends reaches all who wait for that batch, and nobody else."""
    server.errors = [AuthenticationError("no")]
    gathering = server.gathering()
    async with running(gathering) as loop:
        told = await asyncio.gather(gathering.put(1), gathering.put(2), return_exceptions=True)
        assert [type(each) for each in told] == [Halt, Halt]
        assert await gathering.put(3)
        assert not loop.done()


async def test_nobody_waits_for_ever(server: Server) -> None:
    """When the loop ends, so does every wait: for a batch on its way, for the next, for a later."""
    gathering = server.gathering()
    server.gate.clear()
    async with running(gathering):
        first = gathering.put(1)
        await until(lambda: bool(server.batches))
        second = gathering.put(2)
    third = gathering.put(3)
    assert all(each.cancelled() for each in (first, second, third))
    assert server.batches == [[1]]
