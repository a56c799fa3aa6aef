"""A call in a file and back, and the key that finds it again."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enums import FailureReason
from worker.errors import Halt, JobError, Reject, Retryable, Snooze
from worker.llm.chat import ChatRequest, Completion, PreparedImage, Prompt
from worker.llm.records import (
    Record,
    dump_record,
    image_digest,
    load_record,
    recorded_error,
    recorded_reply,
    recorded_request,
    replay_key,
)
from worker.untrusted.framing import marked

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"maxLength": 5}}}
TEXTS = st.text(max_size=200)


def key(user: str = "u", system: str = "s", digest: str = "", schema: Any = None) -> str:
    """A key of a question that differs in one thing."""
    return replay_key(system, user, digest, SCHEMA if schema is None else schema)


@given(TEXTS, st.sampled_from(["DATA", "CALLER"]))
def test_random_codes_make_no_difference(text: str, label: Any) -> None:
    """A job that is run again frames the same texts with other codes."""
    one, other = (f"Note:\n{marked(text, label)}\n\nTasks:\n{marked(text)}" for _ in range(2))
    assert one != other
    assert key(one) == key(other)


@given(TEXTS, TEXTS)
def test_other_texts_have_other_keys(one: str, other: str) -> None:
    """Whatever stands in them, also what looks like a frame."""
    same = marked(one, nonce="0" * 8) == marked(other, nonce="0" * 8)
    assert (key(marked(one)) == key(marked(other))) == same


@pytest.mark.parametrize(
    "other",
    [
        key("u2"),
        key(system="s2"),
        key(digest="d"),
        key(schema={}),
        key(schema={"type": "object", "properties": {"a": {"maxLength": 6}}}),
        key("", "su"),
    ],
)
def test_everything_that_is_asked_is_in_the_key(other: str) -> None:
    """Prompt, picture and schema."""
    assert other != key()


def test_the_order_of_a_schema_is_not() -> None:
    """A server of another language may have sorted it."""
    assert key(schema={"a": 1, "b": 2}) == key(schema={"b": 2, "a": 1})


def test_a_stray_surrogate_is_what_is_sent_of_it() -> None:
    """Half an emoji from somebody's JSON cannot be written as UTF-8."""
    assert key("\ud83d") == key("?")


def test_a_picture_without_a_digest() -> None:
    """Its bytes have one all the same."""
    picture = PreparedImage(b"jpeg", "image/jpeg", 1, 1)
    assert image_digest(picture) == sha256(b"jpeg").hexdigest()
    assert image_digest(PreparedImage(b"", "image/jpeg", 1, 1, "abc")) == "abc"
    assert image_digest(None) == ""


def record(user: str = "Grüße\nan Öl", **more: Any) -> Record:
    """A record with a picture."""
    prompt = Prompt("s", user, PreparedImage(b"jpeg", "image/jpeg", 3, 2), "text_tag/3")
    request = ChatRequest(prompt, "tags", SCHEMA, 256, 60.0, "j1-1-1")
    kept = recorded_request(request, 8_192)
    return Record("2026-11-21T06:22:04+00:00", "j1-1-1", "k", 0.5, kept, **more)


@pytest.mark.parametrize(
    "more",
    [
        {"reply": recorded_reply(Completion("{}", "stop", 10, 5, 2, "vllm", "mistral"))},
        {"error": recorded_error(Snooze("busy", after_s=3.0, cause="http_503"))},
    ],
)
def test_there_and_back(more: dict[str, Any]) -> None:
    """Nothing is lost, and the picture's bytes are elsewhere."""
    made = record(**more)
    raw = dump_record(made)
    assert load_record(raw) == made
    assert b"jpeg" not in raw.replace(b"image/jpeg", b"")


def test_people_can_read_it() -> None:
    """Indented, with the words as they are."""
    text = dump_record(record()).decode()
    assert '\n  "request": {\n    "role": "vision"' in text
    assert "Grüße\\nan Öl" in text


def test_a_record_of_anything_can_be_written() -> None:
    """Half an emoji is a question mark, as the server saw it."""
    assert load_record(dump_record(record("a\ud83d"))).request.user == "a?"


@pytest.mark.parametrize(
    ("error", "kind", "after_s", "raw"),
    [
        (Retryable("no", cause="timeout", raw_answer="{"), "Retryable", None, "{"),
        (Snooze("no", cause="timeout", after_s=2), "Snooze", 2, ""),
        (Reject(FailureReason.MODEL_REFUSED, "no", cause="timeout"), "Reject", None, ""),
        (Halt("no", cause="timeout"), "Halt", None, ""),
    ],
)
def test_failures(error: JobError, kind: str, after_s: float | None, raw: str) -> None:
    """Each with its kind and its cause."""
    found = recorded_error(error)
    assert (found.kind, found.cause, found.message) == (kind, "timeout", "no")
    assert (found.after_s, found.raw_answer) == (after_s, raw)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"key":1}', b"\xff"])
def test_what_is_no_record(raw: bytes) -> None:
    """It is a ValueError."""
    with pytest.raises(ValueError, match="validation error"):
        load_record(raw)
