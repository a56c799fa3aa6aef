"""Waiting between tries ends by itself or by a shutdown, never by accident."""

import asyncio

import pytest

from worker.job import HandBack
from worker.parking import Parking


async def test_a_wait_that_is_over_returns() -> None:
    """Nothing is raised: the next try begins."""
    parking = Parking()
    await parking.park(0.001)
    await parking.park(0)
    assert not parking.closing


async def test_a_shutdown_wakes_everybody() -> None:
    """All who wait are handed back at once, however long they had to wait."""
    parking = Parking()
    waiting = [asyncio.create_task(parking.park(3_600)) for _ in range(3)]
    parked = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(parked.set_result, None)
    await parked
    parking.close()
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, HandBack)


async def test_nobody_parks_into_a_shutdown() -> None:
    """Not even for a moment."""
    parking = Parking()
    parking.close()
    parking.close()
    assert parking.closing
    for after_s in (0, 3_600):
        with pytest.raises(HandBack):
            await parking.park(after_s)


async def test_a_cancelled_wait_is_cancelled() -> None:
    """A lost lease must not look like a wait that is over."""
    waiting = asyncio.create_task(Parking().park(3_600))
    await asyncio.wait({waiting}, timeout=0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
