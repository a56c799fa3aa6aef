"""Outcomes survive a restart as bytes, and say the last word to Core."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.enums import FailureReason, JobStatus
from shared.schemas import EventCreate, TagsAddRequest, TextTagResult
from worker.outcome import (
    AddTags,
    Completed,
    CreateEvent,
    Failed,
    completed,
    dump_outcome,
    load_outcome,
)

TAGS = AddTags(memory_id="m", body=TagsAddRequest(tags=["sea"]))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def _event(when: str) -> CreateEvent:
    body = {"owner_user_id": 1, "event_time": when, "description": "x"}
    return CreateEvent(body=EventCreate.model_validate(body))


@pytest.mark.parametrize(
    "outcome",
    [
        Completed(result={}),
        Completed(result={"tags": ["größe", None, 1.5]}, effects=(TAGS, TAGS)),
        Completed(result={}, effects=(_event("2026-06-01"), _event("2026-06-01T10:00:00+02:00"))),
        Failed(reason=FailureReason.BUG, message="x"),
        Failed(
            reason=FailureReason.CORE_REJECTED,
            message="x",
            attempts=3,
            undelivered=Completed(result={"a": 1}, effects=(TAGS,)),
        ),
    ],
)
def test_outcomes_come_back_as_they_were(outcome: Completed | Failed) -> None:
    """A plain date stays a date, an offset stays, effects keep their order."""
    raw = dump_outcome(outcome)
    assert load_outcome(raw) == outcome
    assert dump_outcome(outcome) == raw


@given(st.sampled_from(FailureReason), TEXTS, st.integers(0, 99))
def test_any_failure_comes_back(reason: FailureReason, message: str, attempts: int) -> None:
    """Whatever the message holds."""
    outcome = Failed(reason=reason, message=message, attempts=attempts)
    assert load_outcome(dump_outcome(outcome)) == outcome


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"{}",
        b"null",
        b"\xff",
        b'{"kind":"paused"}',
        b'{"kind":"completed","result":{},"new_field":1}',
        b'{"kind":"completed","result":{},"effects":[{"kind":"send_mail"}]}',
        b'{"kind":"failed","reason":"new_reason","message":"x"}',
    ],
)
def test_what_this_version_cannot_read_is_no_outcome(raw: bytes | None) -> None:
    """To ask the model again is the lesser evil."""
    assert load_outcome(raw) is None


def test_an_outbox_of_the_first_version_is_still_read() -> None:
    """These bytes may lie in somebody's Redis during an upgrade."""
    raw = (
        b'{"kind":"completed","result":{"memory_id":"m","tags":["sea"]},"effects":[{"kind":'
        b'"add_tags","memory_id":"m","body":{"tags":["sea"],"status":"suggested"}}]}'
    )
    assert load_outcome(raw) == completed(TextTagResult(memory_id="m", tags=["sea"]), TAGS)
    raw = b'{"kind":"failed","reason":"bug","message":"x","attempts":2,"undelivered":null}'
    assert load_outcome(raw) == Failed(reason=FailureReason.BUG, message="x", attempts=2)


def test_the_last_word_of_success() -> None:
    """The result, and no error message."""
    update = Completed(result={"a": 1}).update
    assert update.model_dump(exclude_unset=True) == {
        "status": JobStatus.COMPLETED,
        "result": {"a": 1},
    }


def test_the_last_word_of_failure_fits() -> None:
    """The reason comes first, and Core's bound is kept however long the message is."""
    update = Failed(reason=FailureReason.POISON, message="x" * 9_999).update
    assert update.status is JobStatus.FAILED
    assert update.error_message is not None
    assert update.error_message.startswith("poison: xxx")
    assert len(update.error_message) == 2_000


def test_a_dead_letter_keeps_the_answer_that_core_refused() -> None:
    """Nobody pays for it twice."""
    answer = Completed(result={"a": 1}, effects=(TAGS,))
    failed = Failed(reason=FailureReason.CORE_REJECTED, message="no", attempts=2)
    assert failed.letter(1_000.5) == {
        "dead_reason": "core_rejected",
        "dead_error": "no",
        "dead_attempts": "2",
        "dead_at": "1000.500",
    }
    letter = failed.model_copy(update={"undelivered": answer}).letter(0)
    assert load_outcome(letter["dead_outcome"].encode()) == answer
    assert json.loads(letter["dead_outcome"])["result"] == {"a": 1}


def test_outcomes_are_frozen() -> None:
    """Nobody changes one between the outbox and Core."""
    with pytest.raises(ValidationError, match="frozen"):
        TAGS.memory_id = "x"  # pyright: ignore[reportAttributeAccessIssue] - that is the test
