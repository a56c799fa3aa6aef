"""The rules: what each kind of question is answered with."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from worker.embedded.model_answers import answer
from worker.embedded.model_picture import Picture
from worker.embedded.model_request import ChatCall
from worker.embedded.model_schema import Schema, UnfitSchema

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TAGS: Schema = {"type": "array", "items": {"type": "string"}, "maxItems": 7}
STRING: Schema = {"type": "string"}


def ask(name: str, user: str, picture: Picture | None = None, **properties: Schema) -> Any:
    """The answer to a question for an object of these properties."""
    schema: Schema = {
        "type": "object",
        "properties": {**properties},
        "required": [*properties],
        "additionalProperties": False,
    }
    pictures = (picture,) if picture is not None else ()
    return json.loads(answer(ChatCall("m", user, pictures, 1, None, name, schema), NOW))


def test_text_tags() -> None:
    """Key words of the marked text only."""
    user = "Tag this text.\n<<<DATA\nBooked the ferry to Naxos for June\nDATA>>>"
    assert set(ask("text_tags", user, tags=TAGS)["tags"]) == {"naxos", "june", "ferry", "booked"}


def test_image_tags() -> None:
    """What is seen in the picture."""
    picture = Picture(64, 32, "bright", "calm", ("blue", "white"))
    found = ask("image_tags", "Describe.", picture, description=STRING, tags=TAGS)
    assert found["description"].startswith("A bright landscape picture, mostly blue and white")
    assert found["tags"] == ["blue", "white", "bright", "landscape", "calm"]


def test_email_events() -> None:
    """Days are counted from the message's date, under the property names that were sent."""
    item: Schema = {
        "type": "object",
        "properties": {
            "evidence": STRING,
            "local_date": STRING,
            "local_time": {"anyOf": [STRING, {"type": "null"}]},
        },
        "required": ["evidence", "local_date", "local_time"],
        "additionalProperties": False,
    }
    found = ask(
        "email_events",
        "Message date: 2026-09-01T09:00:00+03:00 (Tuesday, Europe/Athens)\n"
        "<<<DATA 1\nSubject: Lunch\n\nLunch tomorrow?\nDATA 1>>>",
        events={"type": "array", "items": item},
    )
    event = {"evidence": "Lunch tomorrow?", "local_date": "2026-09-02", "local_time": None}
    assert found == {"events": [event]}


@pytest.mark.parametrize(
    ("memory", "task"),
    [
        ("Booked the ferry to Naxos for June", "T1"),
        ("Called the dentist", "T2"),
        ("I need to book the ferry to Naxos", "none"),
        ("A sunny day", "none"),
    ],
)
def test_task_match(memory: str, task: str) -> None:
    """The task whose words the memory shares; a plan completes nothing."""
    user = (
        "Open tasks:\n<<<DATA 1\nT1: Book the ferry to Naxos\nT2: Call the dentist\nDATA 1>>>\n"
        f"The memory:\n<<<DATA 2\n{memory}\nDATA 2>>>"
    )
    found = ask(
        "task_match", user, task={"enum": ["T1", "T2", "none"]}, confidence={"type": "number"}
    )
    assert found["task"] == task
    assert 0.5 <= found["confidence"] <= 0.95


def test_task_match_may_be_null() -> None:
    """Where the schema has no word for none, it is null."""
    found = ask("task_match", "A sunny day", task={"enum": ["T1", None]})
    assert found == {"task": None}


@pytest.mark.parametrize(
    ("query", "intent"),
    [
        ("Remind me what I promised Anna", "reminder_check"),
        ("What tasks are open?", "task_lookup"),
        ("When is my appointment with the dentist?", "event_search"),
        ("Find the photo of the beach", "memory_search"),
        ("blue", "ambiguous"),
    ],
)
def test_intent(query: str, intent: str) -> None:
    """Key phrases decide."""
    found = ask("intent", query, intent=STRING, keywords=TAGS)
    assert found["intent"] == intent
    assert found["keywords"]


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        ("Call Anna about the contract", "when"),
        ("Meeting tomorrow at 10:00", "where"),
        ("Lunch at Luigi's on Friday", "who"),
        ("Lunch with Bob at Luigi's on Friday", "what"),
    ],
)
def test_followup(message: str, missing: str) -> None:
    """The first thing that is missing is asked for, about the message's own words."""
    question = ask("followup", message, question=STRING)["question"]
    assert f": {missing} " in question
    assert question.endswith("?")


def test_rule_is_found_by_property() -> None:
    """Another name for the same question is understood."""
    assert ask("followup_v2", "Call Anna", question=STRING)["question"].endswith("?")


def test_extract_never_takes_a_rule() -> None:
    """A caller's own property `intent` is filled from the text."""
    assert ask("extract", "Intent: to buy", intent=STRING) == {"intent": "to buy"}


def test_plain_chat_says_what_it_is() -> None:
    """Without a schema the answer is a sentence that names the stand-in."""
    text = answer(ChatCall("m", "Hello Naxos", (), 1, None, None, None), NOW)
    assert "stand-in" in text


def test_unfit_schema() -> None:
    """A schema that is none is an error for the API to tell."""
    with pytest.raises(UnfitSchema):
        answer(ChatCall("m", "x", (), 1, None, "extract", {"type": "bogus"}), NOW)
