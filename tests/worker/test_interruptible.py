"""A job is cut off from outside, and everything else that ends a task still does."""

import asyncio

import pytest

from tests.builders import job, turn
from worker.interruptible import Interrupted, interruptible


async def test_a_block_is_ended() -> None:
    """The task goes on, and is not left cancelled."""
    made, started = job(), asyncio.Event()

    async def work() -> str:
        try:
            async with interruptible(made):
                started.set()
                await asyncio.Event().wait()
        except Interrupted:
            task = asyncio.current_task()
            assert task is not None
            assert not task.cancelling()
            await asyncio.sleep(0)
            return "cut off"
        return "not"

    task = asyncio.create_task(work())
    await started.wait()
    made.interrupt()
    made.interrupt()
    assert await task == "cut off"


async def test_before_and_after_it_does_nothing() -> None:
    """A job that has its answer is not cut off in its delivery."""
    made = job()
    made.interrupt()
    async with interruptible(made):
        interrupt = made.interrupt
    made.interrupt()
    with pytest.raises(RuntimeError):  # the scope itself says that it is over
        interrupt()
    await turn()


async def test_another_cancellation_wins() -> None:
    """A lost lease, or a shutdown, in the same moment: the task ends."""
    made, started = job(), asyncio.Event()

    async def work() -> None:
        async with interruptible(made):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await started.wait()
    made.interrupt()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_of_its_own_stays_one() -> None:
    """What the block raises comes out of it."""
    with pytest.raises(TimeoutError, match="mine"):
        async with interruptible(job()):
            raise TimeoutError("mine")
