"""Jobs that nobody wants any more: before they are asked about, while they are, and too late."""

import asyncio
from typing import Any

from shared.enums import FailureReason
from tests.answer_room import AnswerRoom
from tests.builders import QuickParking, claimed, job, job_fields, tagged, until
from worker.errors import Retryable
from worker.handlers.handler import Tools
from worker.job import Job
from worker.outcome import Completed, Failed, Outcome, dump_outcome


def _cancelled(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and outcome.reason is FailureReason.CANCELLED


async def test_one_that_waited_is_not_asked_about() -> None:
    """It ends before its handler is called."""
    room = AnswerRoom(cancelled={"j1"})
    outcome = await room.answer(job(claimed(fields=job_fields(job_id="j1"))))
    assert _cancelled(outcome)
    assert room.seen == []
    assert room.slots.used == 0


async def test_one_that_has_its_answer_is_delivered() -> None:
    """It is paid for, and may have been delivered in part."""
    room = AnswerRoom(cancelled={"j1"})
    entry = claimed(fields=job_fields(job_id="j1"), outcome=dump_outcome(tagged("m1")))
    assert await room.answer(job(entry)) == tagged("m1")


async def _running(room: AnswerRoom, made: Job) -> "asyncio.Task[Outcome]":
    task = asyncio.create_task(room.answer(made))
    await until(lambda: bool(room.seen))
    return task


async def test_one_is_cut_off_while_the_model_works() -> None:
    """Its handler is cancelled, its slot is free, and its task goes on to tell Core."""
    cut = asyncio.Event()

    async def hang(_payload: Any, _tools: Tools) -> Completed:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()
        raise AssertionError

    room, made = AnswerRoom(run=hang), job()
    task = await _running(room, made)
    made.interrupt()
    assert _cancelled(await task)
    assert cut.is_set()
    assert room.slots.used == 0


async def test_one_is_cut_off_while_it_waits_for_its_next_try() -> None:
    """Without waiting for that."""
    parking = QuickParking(held_from_s=1.0)
    room = AnswerRoom(script=[Retryable("503", after_s=3_600)], parking=parking)
    made = job()
    task = await _running(room, made)
    await until(lambda: bool(room.parking.waits))
    made.interrupt()
    outcome = await task
    assert _cancelled(outcome)
    assert isinstance(outcome, Failed)
    assert outcome.attempts == 1


async def test_one_is_cut_off_while_it_waits_for_a_slot() -> None:
    """Others keep theirs."""

    async def hang(_payload: Any, _tools: Tools) -> Completed:
        await asyncio.Event().wait()
        raise AssertionError

    room = AnswerRoom(run=hang)
    hog, made = job(claimed(deliveries=3)), job(claimed(deliveries=3))
    task = await _running(room, hog)  # it is alone, with all slots
    second = asyncio.create_task(room.answer(made))
    await asyncio.wait({second}, timeout=0.05)
    made.interrupt()
    hog.interrupt()
    done, _ = await asyncio.wait({task, second}, timeout=10)
    assert len(done) == 2
    assert _cancelled(task.result())
    assert room.slots.used == 0
