"""A model that is away costs no attempt and is asked by one job at a time; deadlines hold."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.enums import FailureReason, JobType
from tests.answer_room import ANSWERED_AT, AnswerRoom
from tests.builders import QuickParking, bare, claimed, job, job_fields, tagged, turn, until
from worker.errors import Reject, Retryable, Service, Snooze
from worker.handlers import HANDLERS
from worker.handlers.handler import Tools
from worker.job import HandBack, Stage
from worker.llm.chat import ScriptedLLM
from worker.outcome import Completed, Failed
from worker.slots import Slots

TAGS = '{"tags":["sea","ferry","greece"]}'


@dataclass
class Model:
    """Answers 503 so many times in a row once its gate is closed; counts who asks it at once."""

    room: AnswerRoom
    probes_in_vain: int
    asked: int = 0
    probing: int = 0
    probing_max: int = 0

    async def __call__(self, _payload: Any, _tools: Tools) -> Completed:
        """One call."""
        self.asked += 1
        closed = not self.room.gates[Service.MODEL].is_open
        self.probing += closed
        self.probing_max = max(self.probing_max, self.probing)
        try:
            await turn()
        finally:
            self.probing -= closed
        if not closed and self.probes_in_vain:
            raise Snooze("the model server answered 503")
        if closed and self.probes_in_vain:
            self.probes_in_vain -= 1
            raise Snooze("the model server answered 503")
        return tagged("m1")


def outage(jobs_at_once: int, probes_in_vain: int) -> tuple[AnswerRoom, Model]:
    """A room whose model is away for a while."""
    room = AnswerRoom(slots=Slots(jobs_at_once, held_max=999))
    model = Model(room, probes_in_vain)
    room.run = model
    return room, model


# ------------------------------------------------------------------------- away


async def test_a_crowd_meets_an_outage() -> None:
    """64 jobs: one line, no attempt, one probe at a time, and when it is back all are answered."""
    room, model = outage(64, probes_in_vain=6)
    jobs = [job() for _ in range(64)]
    with capture_logs() as logs:
        outcomes = await asyncio.gather(*map(room.answer, jobs))
    assert list(map(bare, outcomes)) == [tagged("m1")] * 64
    heard = [line for line in logs if line["log_level"] != "debug"]
    said = [line["event"] for line in heard if not line.get("away_s")]  # each minute once more
    assert said == ["service_away", "service_back"]
    assert [made.attempts for made in jobs] == [1] * 64
    assert model.probing_max == 1
    assert model.asked == 64 + 6 + 64
    assert room.slots.used == 0


async def test_probes_without_luck_are_no_attempts() -> None:
    """However long it lasts: the one that tries is as innocent as those who wait."""
    room, _ = outage(1, probes_in_vain=200)
    made = job()
    assert bare(await room.answer(made, attempts_max=1)) == tagged("m1")
    assert made.attempts == 1
    assert max(room.parking.waits) == 4.0


@pytest.mark.parametrize("end", ["cancel", "hand back"])
async def test_a_probe_that_is_gone_is_followed_by_another(end: str) -> None:
    """Its lease is lost, or the worker stops: nobody waits for it."""
    gate, asked = asyncio.Event(), list[Tools]()

    async def run(_payload: Any, tools: Tools) -> Completed:
        asked.append(tools)
        if len(asked) == 1:
            raise Snooze("503")
        await gate.wait()
        return tagged("m1")

    room = AnswerRoom(run=run)
    tasks = [asyncio.create_task(room.answer(job())) for _ in range(2)]
    await turn(20)
    probes = [task for task in tasks if not task.done()]
    assert len(asked) in {2, 3}
    if end == "cancel":
        probes[0].cancel()
    else:
        room.parking.close()
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(r, Completed | HandBack | asyncio.CancelledError) for r in results)
    assert room.slots.used == 0


@pytest.mark.parametrize(
    "last",
    [Reject(FailureReason.INVALID_IMAGE, "no picture"), Retryable("no luck"), KeyError("bug")],
    ids=lambda error: type(error).__name__,
)
async def test_who_asked_nobody_has_shown_nothing(last: Exception) -> None:
    """A probe that fails before it asks does not let the crowd loose on a dead server."""
    room = AnswerRoom(asks=False, script=[Snooze("503"), last])
    await room.answer(job(), attempts_max=1)
    assert not room.gates[Service.MODEL].is_open
    room.asks = True
    assert bare(await room.answer(job())) == tagged("m1")
    assert room.gates[Service.MODEL].is_open


async def test_a_probe_whose_time_is_over_does_not_open() -> None:
    """Its deadline comes before what the server asks for: it expires, the gate stays closed."""
    room = AnswerRoom(script=[Snooze("503"), Snooze("503", after_s=60)])
    fields = job_fields(deadline=str(ANSWERED_AT + 30))
    outcome = await room.answer(job(claimed(fields=fields)))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureReason.EXPIRED
    assert not room.gates[Service.MODEL].is_open


async def test_a_service_it_was_not_known_to_ask() -> None:
    """A handler that forgot to say it needs Core waits for Core all the same."""
    room = AnswerRoom(script=[Snooze("away", service=Service.CORE)] * 3)
    assert bare(await room.answer(job())) == tagged("m1")
    assert room.parking.waits == [1.0, 2.0, 4.0]
    assert room.gates[Service.CORE].is_open


async def test_who_stands_at_a_gate_says_at_which() -> None:
    """For an operator who asks why the job is not done."""
    away = Snooze("away", service=Service.CORE)
    room = AnswerRoom(script=[away], parking=QuickParking(held_from_s=0.0))
    made = job()
    task = asyncio.create_task(room.answer(made))
    await until(lambda: bool(room.parking.waits))
    assert (made.stage, made.gate) == (Stage.PARKED, Service.CORE)
    room.parking.close()
    with pytest.raises(HandBack):
        await task


async def test_an_innocent_outage_and_a_guilty_one() -> None:
    """A server that goes away over this very request: borne three times, then it is the job's."""
    room = AnswerRoom(script=[Snooze("reset", suspect=True) for _ in range(9)])
    made = job()
    outcome = await room.answer(made)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, made.attempts) == (FailureReason.ATTEMPTS_EXHAUSTED, 3)
    assert len(room.seen) == 6
    assert not room.gates[Service.MODEL].is_open


# ------------------------------------------------------------------------- deadlines


@pytest.mark.parametrize(("left_s", "timeout_s"), [(None, 60.0), (500.0, 60.0), (7.0, 7.0)])
async def test_a_deadline_limits_the_call(left_s: float | None, timeout_s: float) -> None:
    """No call outlasts its job's deadline, and none its timeout."""
    llm = ScriptedLLM([TAGS])
    room = AnswerRoom(run=HANDLERS[JobType.TEXT_TAG].run, llm=llm, asks=False)
    fields = job_fields(deadline="" if left_s is None else str(ANSWERED_AT + left_s))
    assert isinstance(await room.answer(job(claimed(fields=fields))), Completed)
    assert [request.timeout_s for request in llm.requests] == [timeout_s]


@pytest.mark.parametrize(
    ("error", "attempts"), [(Snooze("503"), 0), (Retryable("no luck"), 3)], ids=["gate", "parked"]
)
async def test_a_deadline_ends_the_waiting(error: Exception, attempts: int) -> None:
    """At the gate when it comes, parked when it would come before the next try; never later."""
    room = AnswerRoom(script=[error] * 99)
    made = job(claimed(fields=job_fields(deadline=str(ANSWERED_AT + 5.5))))
    outcome = await room.answer(made, attempts_max=50)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.attempts) == (FailureReason.EXPIRED, attempts)
    assert sum(room.parking.waits) <= 5.5
    assert str(error) in outcome.message
    assert room.slots.used == 0


async def test_a_call_that_the_deadline_cut_off() -> None:
    """It is no attempt gone wrong that is told, but the time that was over."""

    async def run(_payload: Any, _tools: Tools) -> Completed:
        await room.parking.park(5.0)
        raise Retryable("no answer from the model within 5 s")

    room = AnswerRoom(run=run)
    fields = job_fields(deadline=str(ANSWERED_AT + 5))
    outcome = await room.answer(job(claimed(fields=fields)))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureReason.EXPIRED
