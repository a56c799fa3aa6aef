"""Work that is given up when somebody wants to leave."""

import asyncio

import pytest

from worker.lifecycle import Shutdown, finished_before


async def test_work_that_is_quick_enough() -> None:
    """It is done, and the event is waited for no longer."""
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    assert await finished_before(asyncio.Event(), work())
    assert done == [1]


async def test_work_that_is_given_up() -> None:
    """It is cancelled and awaited before anybody goes on."""
    event, left = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            event.set()
            await asyncio.Event().wait()
        finally:
            left.set()

    assert not await finished_before(event, work())
    assert left.is_set()


async def test_work_that_fails() -> None:
    """Its error is its caller's."""

    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await finished_before(asyncio.Event(), work())


async def test_a_caller_that_is_cancelled() -> None:
    """Neither the work nor the waiting outlives it."""
    started, left = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    task = asyncio.create_task(finished_before(asyncio.Event(), work()))
    await started.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert left.is_set()


def test_the_second_request_is_the_one_that_forces() -> None:
    """Signals are counted; who says what is meant may say it as often as he likes."""
    counted, said = Shutdown(), Shutdown()
    counted.ask("SIGTERM")
    assert (counted.drain.is_set(), counted.now.is_set()) == (True, False)
    counted.ask("SIGINT")
    assert counted.now.is_set()
    said.begin_drain("parent")
    said.begin_drain("parent")
    assert (said.drain.is_set(), said.now.is_set()) == (True, False)
    said.leave_now("parent")
    assert said.now.is_set()


def test_to_leave_now_is_to_drain_too() -> None:
    """Whoever waits for the one need not look at the other."""
    shutdown = Shutdown()
    shutdown.leave_now("parent")
    assert shutdown.drain.is_set()
