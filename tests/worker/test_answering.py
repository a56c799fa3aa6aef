"""A job comes to its outcome: read, admitted, asked, retried; its slot is given back once."""

import asyncio
import json

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from shared.enums import FailureReason, JobType
from shared.schemas import PAYLOADS as SCHEMAS
from shared.schemas import TextTagPayload
from tests.answer_room import ANSWERED_AT, AnswerRoom
from tests.builders import (
    PAYLOADS,
    FakeCore,
    QuickParking,
    bare,
    claimed,
    job,
    job_fields,
    tagged,
    until,
)
from worker.errors import Halt, Reject, Retryable, Snooze
from worker.handlers.handler import Tools
from worker.job import HandBack, Stage
from worker.outcome import Completed, Failed, Outcome, dump_outcome
from worker.slots import Slots

SECRET = "the ferry to Naxos"


def failure(outcome: Outcome) -> Failed:
    """The outcome, which is a failure."""
    assert isinstance(outcome, Failed)
    return outcome


# ------------------------------------------------------------------------- read


@pytest.mark.parametrize("job_type", JobType)
async def test_answered(job_type: JobType) -> None:
    """The handler of the job's type gets its typed payload, and what it returns is the outcome."""
    room = AnswerRoom()
    made = job(claimed(job_type, job_fields(job_type, job_id="j1", user_id="42")))
    assert bare(await room.answer(made)) == tagged("m1")
    [(payload, tools)] = room.seen
    assert isinstance(payload, SCHEMAS[job_type])
    assert tools.user_id == 42
    assert tools.enqueued_at.timestamp() == made.entry.enqueued_s
    assert (made.attempts, made.job_id, room.slots.used) == (1, "j1", 0)
    assert not made.entry.fields  # read; many that wait for the model keep no second copy


@pytest.mark.parametrize(
    ("fields", "reason", "told"),
    [
        ({}, FailureReason.MALFORMED_ENTRY, None),
        ({"colour": "red"}, FailureReason.MALFORMED_ENTRY, None),
        ({"payload": "{}"}, FailureReason.MALFORMED_ENTRY, None),
        ({"job_id": " ", "payload": "{}"}, FailureReason.MALFORMED_ENTRY, None),
        ({"job_id": "a/b", "payload": "{}"}, FailureReason.MALFORMED_ENTRY, None),
        ({"job_id": "j1"}, FailureReason.INVALID_PAYLOAD, "j1"),
        ({"job_id": "j1", "payload": "[]"}, FailureReason.INVALID_PAYLOAD, "j1"),
        ({"job_id": "j1", "payload": "{"}, FailureReason.INVALID_PAYLOAD, "j1"),
        ({"job_id": "j1", "payload": "{}"}, FailureReason.INVALID_PAYLOAD, "j1"),
        ({"job_id": "j1", "payload": '{"a":' + "[" * 900}, FailureReason.INVALID_PAYLOAD, "j1"),
        ({"job_id": "j1", "payload": " " * 1_001}, FailureReason.INVALID_PAYLOAD, "j1"),
        (
            {"job_id": "j1", "payload": r'{"memory_id":"m1","content":"\ud800"}'},
            FailureReason.INVALID_PAYLOAD,
            "j1",
        ),
        (job_fields(job_id="j1", user_id="me"), FailureReason.MALFORMED_ENTRY, "j1"),
        (job_fields(job_id="j1", deadline="soon"), FailureReason.MALFORMED_ENTRY, "j1"),
        (job_fields(job_id="j1", deadline="1"), FailureReason.EXPIRED, "j1"),
    ],
)
async def test_never_asked(fields: dict[str, str], reason: FailureReason, told: str | None) -> None:
    """What is no job ends with its reason; no handler sees it and Core hears of no beginning."""
    room = AnswerRoom()
    made = job(claimed(fields=fields))
    assert failure(await room.answer(made)).reason is reason
    assert made.job_id == told
    assert (room.seen, room.core.calls, room.slots.used) == ([], [], 0)


async def test_deep_payload() -> None:
    """Nested beyond measure, but JSON: refused, not a crash."""
    deep = '{"text":"a","schema":{"a":' + "[" * 450 + "]" * 450 + "}}"
    fields = {"job_id": "j1", "payload": deep}
    outcome = await AnswerRoom().answer(job(claimed(JobType.EXTRACT, fields)))
    assert failure(outcome).reason is FailureReason.INVALID_PAYLOAD


async def test_bad_payload_is_explained_without_being_quoted() -> None:
    """The message names the field and what is wrong, not what it holds."""
    fields = {"job_id": "j1", "payload": json.dumps({"memory_id": "m1", "content": [SECRET]})}
    message = failure(await AnswerRoom().answer(job(claimed(fields=fields)))).message
    assert message.startswith("content: ")
    assert SECRET not in message


@pytest.mark.parametrize(("deliveries", "poison"), [(4, False), (5, True), (6, True)])
async def test_poison(deliveries: int, poison: bool) -> None:
    """Delivered as often as the limit says, a job is not tried again."""
    outcome = await AnswerRoom().answer(job(claimed(deliveries=deliveries)))
    assert isinstance(outcome, Failed) == poison
    assert not poison or failure(outcome).reason is FailureReason.POISON


@pytest.mark.parametrize(
    "kept", [tagged("m1"), Failed(reason=FailureReason.CORE_REJECTED, message="no")]
)
async def test_an_outcome_is_not_asked_for_twice(kept: Outcome) -> None:
    """What an earlier worker recorded is the outcome, however late or poisoned the job is."""
    room = AnswerRoom()
    raw = dump_outcome(kept)
    made = job(claimed(fields=job_fields(job_id="j1", deadline="1"), deliveries=9, outcome=raw))
    assert await room.answer(made) == kept
    assert (made.recorded, made.job_id, room.seen, room.core.calls) == (True, "j1", [], [])


async def test_an_unreadable_outcome_is_asked_for_again() -> None:
    """A newer version's record is no outcome here."""
    room = AnswerRoom()
    made = job(claimed(outcome=b'{"kind":"later"}', delivered=3))
    assert bare(await room.answer(made)) == tagged("m1")
    assert not made.recorded


# ------------------------------------------------------------------------- tried


@pytest.mark.parametrize(
    "error",
    [
        KeyError(SECRET),
        TimeoutError(SECRET),
        RecursionError(SECRET),
        ExceptionGroup(SECRET, [ValueError(SECRET)]),
        "validation",
    ],
    ids=lambda error: type(error).__name__,
)
async def test_bugs(error: Exception | str) -> None:
    """Anything a handler should not raise is tried to the limit, and its words are kept back."""
    if isinstance(error, str):
        with pytest.raises(ValidationError) as caught:
            TextTagPayload.model_validate({"memory_id": "m1", "content": [SECRET]})
        error = caught.value
    room = AnswerRoom(script=[error] * 3)
    made = job()
    with capture_logs() as logs:
        outcome = failure(await room.answer(made))
    assert (outcome.reason, outcome.attempts, len(room.seen)) == (FailureReason.BUG, 3, 3)
    assert type(error).__name__ in outcome.message
    assert [line["event"] for line in logs].count("handler_bug") == 3
    assert SECRET not in outcome.message + repr(logs)
    assert "exc_info" not in repr(logs)


async def test_attempts_run_out() -> None:
    """A passing failure is tried to the limit; the last one is in the message."""
    reason = FailureReason.INVALID_ANSWER
    room = AnswerRoom(script=[Retryable(f"no luck {n}", reason=reason) for n in range(3)])
    outcome = failure(await room.answer(job()))
    assert (outcome.reason, outcome.attempts) == (reason, 3)
    assert "no luck 2" in outcome.message
    assert room.parking.waits == [1.0, 2.0]
    assert room.slots.used == 0


async def test_snoozes_spend_nothing() -> None:
    """However often the other side is away, no attempt is spent."""
    room = AnswerRoom(script=[*[Snooze("busy")] * 9, Retryable("no luck"), tagged("m2")])
    made = job()
    assert bare(await room.answer(made, attempts_max=2)) == tagged("m2")
    assert (made.attempts, len(room.parking.waits)) == (2, 10)


async def test_rejected_at_once() -> None:
    """What can never succeed is not tried again."""
    room = AnswerRoom(script=[Reject(FailureReason.MODEL_REFUSED, "too long")])
    outcome = failure(await room.answer(job()))
    assert (outcome.reason, outcome.message) == (FailureReason.MODEL_REFUSED, "too long")
    assert (outcome.attempts, room.parking.waits, room.slots.used) == (1, [], 0)


async def test_halt() -> None:
    """A broken worker's error goes through, and the slot is free."""
    room = AnswerRoom(script=[Halt("bad key")])
    with pytest.raises(Halt, match="bad key"):
        await room.answer(job())
    assert room.slots.used == 0


async def test_no_time_for_another_try() -> None:
    """A retry that would come after the deadline does not come."""
    room = AnswerRoom(script=[Retryable("no luck")])
    outcome = await room.answer(job(claimed(fields=job_fields(deadline=str(ANSWERED_AT + 0.5)))))
    assert failure(outcome).reason is FailureReason.EXPIRED


# ------------------------------------------------------------------------- slots


async def test_parked_without_a_slot() -> None:
    """While a job waits for its next try others may run; it runs again with a slot."""
    room = AnswerRoom(script=[Retryable("no luck")], parking=QuickParking(held_from_s=0.0))
    made = job()
    task = asyncio.create_task(room.answer(made))
    await until(lambda: bool(room.parking.waits))
    assert room.slots.used == 0
    assert (made.stage, made.due_at) == (Stage.PARKED, ANSWERED_AT + 1)
    room.parking.close()
    with pytest.raises(HandBack):
        await task
    assert room.slots.used == 0


async def test_every_try_has_a_slot() -> None:
    """A woken job waits for a slot and then has exactly one."""
    room = AnswerRoom(script=[Retryable("no luck")] * 2, slots=Slots(1, held_max=10))
    await room.answer(job())
    assert (room.used, room.slots.used) == ([1, 1, 1], 0)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("steps", range(14))
async def test_cancelled_anywhere(steps: int, closed: bool) -> None:
    """Wherever a cancellation meets a job, its slot is given back once."""
    slots = Slots(1, held_max=10)

    async def slow(_payload: object, _tools: Tools) -> Completed:
        await asyncio.sleep(0)
        raise Retryable("no luck")

    room = AnswerRoom(run=slow, slots=slots)
    task = asyncio.create_task(room.answer(job(), attempts_max=50))
    rival = asyncio.create_task(take_turns(slots))
    for _ in range(steps):
        await asyncio.sleep(0)
    if closed:
        room.parking.close()
    task.cancel()
    await asyncio.wait({task})
    rival.cancel()
    await asyncio.wait({rival})
    assert slots.used == 0
    assert slots.room == 1


async def take_turns(slots: Slots) -> None:
    """Somebody else who wants the only slot again and again."""
    while True:
        await slots.acquire()
        try:
            await asyncio.sleep(0)
        finally:
            slots.give_back()


# ------------------------------------------------------------------------- Core


async def test_processing_is_told_once() -> None:
    """However often it is tried, Core hears once that work has begun."""
    room = AnswerRoom(script=[Retryable("no luck"), Snooze("busy")])
    await room.answer(job(claimed(fields=job_fields(job_id="j1"))))
    assert [str(call) for call in room.core.calls] == ["processing j1"]


async def test_processing_is_told_of_what_lasts() -> None:
    """Core does not hear it of a job that has its answer sooner, though another's time comes."""
    gate, room = asyncio.Event(), AnswerRoom(processing_after_s=0.001)
    await room.answer(job(claimed(fields=job_fields(job_id="quick"))))

    async def lasting(_payload: object, _tools: Tools) -> Completed:
        await gate.wait()
        return tagged("m1")

    room.run = lasting
    task = asyncio.create_task(room.answer(job(claimed(fields=job_fields(job_id="slow")))))
    await until(lambda: bool(room.core.calls))
    gate.set()
    await task
    assert [str(call) for call in room.core.calls] == ["processing slow"]


async def test_nobody_waits_for_processing() -> None:
    """A Core that hangs holds no answer up."""
    gate = asyncio.Event()
    room = AnswerRoom(core=FakeCore(processing_gate=gate))
    task = asyncio.create_task(room.answer(job()))
    await until(lambda: bool(room.seen) and room.slots.used == 0)
    assert room.core.calls == []
    gate.set()
    assert bare(await task) == tagged("m1")


async def test_payloads_here_are_good() -> None:
    """The samples that other tests run on fit their schemas."""
    for job_type, payload in PAYLOADS.items():
        SCHEMAS[job_type].model_validate_json(payload)
