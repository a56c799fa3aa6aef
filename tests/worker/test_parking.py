"""Waiting between tries ends by itself or by a shutdown, never by accident."""

import asyncio
import gc

import pytest

from tests.builders import turn
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


async def test_cleared() -> None:
    """Who waits is handed back, who comes later may wait: the worker goes on."""
    parking = Parking()
    waiting = [asyncio.create_task(parking.park(after_s)) for after_s in (3_600, None)]
    await asyncio.wait(waiting, timeout=0)
    parking.clear()
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, HandBack)
    assert not parking.closing
    await parking.park(0)


async def test_a_place_of_ones_own() -> None:
    """Its owner may end the wait before its time, and a shutdown ends it too."""
    parking = Parking()
    loop = asyncio.get_running_loop()
    for send_away in (False, True):
        place: asyncio.Future[None] = loop.create_future()
        waiting = asyncio.create_task(parking.park(3_600, place))
        await asyncio.wait({waiting}, timeout=0)
        if send_away:
            parking.close()
        else:
            place.set_result(None)
        await asyncio.wait({waiting})
        assert isinstance(waiting.exception(), HandBack if send_away else type(None))


async def test_sent_away_while_the_time_runs_out() -> None:
    """A job that must be alone is not overheard for a timer that fires in the same moment."""
    parking = Parking()
    waiting = asyncio.create_task(parking.park(0))
    asyncio.get_running_loop().call_soon(parking.clear)
    await asyncio.wait({waiting})
    assert isinstance(waiting.exception(), HandBack)


async def test_sent_away_and_cancelled_at_once() -> None:
    """The cancellation is what arrives, and nobody complains about the rest."""
    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    parking = Parking()
    waiting = asyncio.create_task(parking.park(3_600))
    await turn()
    parking.clear()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    del waiting
    gc.collect()
    assert complaints == []
