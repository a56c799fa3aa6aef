"""Jobs in this worker's hands whose like is paused: no try of theirs begins any more."""

import asyncio
from typing import Any

import pytest

from tests.answer_room import AnswerRoom
from tests.builders import claimed, job, tagged, until
from worker.errors import Retryable, Snooze
from worker.handlers.handler import Tools
from worker.job import HandBack
from worker.outcome import Completed, dump_outcome
from worker.slots import Slots


@pytest.mark.parametrize("failure", [Retryable("503"), Snooze("away")], ids=str)
async def test_one_that_waits_for_its_next_try_goes_back(failure: Exception) -> None:
    """When that would begin; the one that has begun goes on."""
    made = job()

    async def pause_and_fail(_payload: Any, _tools: Tools) -> Completed:
        made.paused = True
        raise failure

    room = AnswerRoom(run=pause_and_fail)
    with pytest.raises(HandBack):
        await room.answer(made)
    assert len(room.seen) == 1
    assert room.slots.used == 0


async def test_one_that_waits_for_a_slot_goes_back() -> None:
    """It was claimed before the pause, and has not begun."""
    gate = asyncio.Event()

    async def wait(_payload: Any, _tools: Tools) -> Completed:
        await gate.wait()
        return tagged("m1")

    room = AnswerRoom(slots=Slots(1, held_max=10), run=wait)
    first, second = job(), job()
    tasks = [asyncio.create_task(room.answer(each)) for each in (first, second)]
    await until(lambda: bool(room.seen))
    first.paused = second.paused = True
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each).__name__ for each in results] == ["Completed", "HandBack"]
    assert room.slots.used == 0


async def test_one_that_has_its_answer_is_delivered() -> None:
    """No model is asked for it."""
    made = job(claimed(outcome=dump_outcome(tagged("m1"))))
    made.paused = True
    assert await AnswerRoom().answer(made) == tagged("m1")
