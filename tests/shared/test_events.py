"""An event's fields, there and back, and everything that is no event."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import EventError, EventName, JobEvent, decode_event, encode_event

TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
NUMBERS = st.none() | st.integers(-(2**63), 2**63)
EVENTS = st.builds(
    JobEvent,
    event=st.sampled_from(EventName),
    job_id=TEXTS,
    job_type=TEXTS.filter(bool),
    user_id=NUMBERS,
    tenant=TEXTS,
    entry_id=TEXTS.filter(bool),
    attempt=st.integers(0, 100),
    deliveries=NUMBERS,
    worker=TEXTS,
    after_ms=NUMBERS,
    wait_ms=NUMBERS,
    llm_ms=NUMBERS,
    deliver_ms=NUMBERS,
    reason=TEXTS,
    cause=TEXTS,
    at=st.integers(0, 10**12).map(lambda ms: ms / 1_000),
)
LEAST = {"event": "seen", "job_type": "text_tag", "entry_id": "1-0", "attempt": "0", "at": "1.000"}


def raw(told: dict[str, str]) -> dict[bytes, bytes]:
    """As Redis gives it."""
    return {name.encode(): value.encode() for name, value in told.items()}


@given(EVENTS)
def test_there_and_back(event: JobEvent) -> None:
    """What is written is what is read; every field that is set is written."""
    told = encode_event(event)
    assert decode_event(raw(told)) == event
    known = {field.name for field in fields(event) if getattr(event, field.name) is not None}
    assert told.keys() == known


def test_nothing_steers_a_terminal() -> None:
    """Of a producer's text no control character gets through, and no field can be forged."""
    nasty = "a\x1freason\x1fbug\x1f\n\x00\x1b[2J\x9b"
    event = JobEvent(
        event=EventName.SEEN, job_type="x", entry_id="1-0", attempt=0, tenant=nasty, at=1.0
    )
    assert encode_event(event)["tenant"] == "a?reason?bug????[2J?"


def test_fields_of_later_versions_are_left_out() -> None:
    """An older subscriber reads on."""
    assert decode_event(raw(LEAST | {"colour": "red"})) == decode_event(raw(LEAST))


@pytest.mark.parametrize(
    "told",
    [
        {},
        *({name: value for name, value in LEAST.items() if name != left} for left in LEAST),
        LEAST | {"event": "promoted"},
        LEAST | {"at": "soon"},
        LEAST | {"attempt": "one"},
        LEAST | {"user_id": ""},
    ],
)
def test_no_event(told: dict[str, str]) -> None:
    """One error, whatever stands in the stream."""
    with pytest.raises(EventError):
        decode_event(raw(told))


def test_bytes_that_are_no_text() -> None:
    """Somebody's bytes under a text's name are read as far as they can be."""
    assert decode_event(raw(LEAST) | {b"\xff": b"x", b"tenant": b"\xff"}).tenant == "\ufffd"


def test_two_ends() -> None:
    """After `completed` or `dead` nothing happens to a job."""
    assert [name for name in EventName if name.is_end] == [EventName.COMPLETED, EventName.DEAD]
