"""email_extract: events that stand in the email, at times worked out by code."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.enums import FailureReason
from shared.schemas import EmailExtractPayload
from tests.worker.handlers.test_handler import Bench, bench
from worker.errors import Reject
from worker.handlers.email_extract import HANDLER
from worker.outcome import Completed, CreateEvent, dump_outcome, load_outcome

PAYLOAD = EmailExtractPayload(
    subject="Dinner",
    body="Hi,\nlet's have dinner on\nTuesday at 20:00. The fair opens on June 6th!",
    received_at=datetime.fromisoformat("2026-06-01T06:00:00+00:00"),
    timezone="Europe/Athens",
)


def _said(**changes: Any) -> dict[str, Any]:
    event = {
        "description": "Dinner",
        "quote": "dinner on Tuesday at 20:00",
        "local_date": "2026-06-02",
        "local_time": "20:00",
        "weekday": "Tuesday",
        "zone": None,
        "confidence": 0.8,
    }
    return event | changes


FAIR = _said(
    description="Fair", quote="June 6th", local_date="2026-06-06", local_time=None, weekday=None
)


async def _run(*events: dict[str, Any], payload: EmailExtractPayload = PAYLOAD) -> Completed:
    return await HANDLER.run(payload, bench({"events": list(events)}).tools)


def _descriptions(outcome: Completed) -> list[str]:
    return [event["description"] for event in outcome.result["events"]]


async def test_events_and_their_effects() -> None:
    """A time gets the reader's offset, a day stays a day; each becomes an event of the user."""
    outcome = await _run(_said(), FAIR)
    assert outcome.result["events"] == [
        {
            "description": "Dinner",
            "event_time": "2026-06-02T20:00:00+03:00",
            "confidence": 0.8,
            "evidence": "dinner on Tuesday at 20:00",
        },
        {
            "description": "Fair",
            "event_time": "2026-06-06",
            "confidence": 0.8,
            "evidence": "June 6th",
        },
    ]
    bodies = [effect.body for effect in outcome.effects if isinstance(effect, CreateEvent)]
    assert [body.owner_user_id for body in bodies] == [42, 42]
    assert bodies[0].event_time == datetime(2026, 6, 2, 17, tzinfo=UTC)
    assert bodies[1].event_time == date(2026, 6, 6)
    assert load_outcome(dump_outcome(outcome)) == outcome


async def test_no_events_is_an_answer() -> None:
    """Most emails speak of none."""
    outcome = await _run()
    assert outcome.result == {"events": [], "dropped": 0}
    assert outcome.effects == ()


@pytest.mark.parametrize(
    "bad",
    [
        {"quote": "lunch on Wednesday"},
        {"quote": " ."},
        {"quote": "let's have dinner", "weekday": "Friday"},
        {"quote": "let's have dinner", "local_date": "2026-02-30"},
        {"quote": "let's have dinner", "local_date": "by and by"},
        {"quote": "let's have dinner", "local_date": None},
        {"local_time": "25:00"},
        {"description": " \u200b"},
        {"confidence": 2},
        {"description": "x" * 161},
    ],
)
async def test_event_that_does_not_hold_is_left_out(bad: dict[str, Any]) -> None:
    """One bad event costs neither the others nor another call, and is counted."""
    made = bench({"events": [_said(**bad), FAIR]})
    tools = made.tools
    outcome = await HANDLER.run(PAYLOAD, tools)
    assert _descriptions(outcome) == ["Fair"]
    assert outcome.result["dropped"] == tools.ask.usage.dropped == 1
    assert tools.ask.usage.calls == 1
    assert len(outcome.effects) == 1


@pytest.mark.parametrize(
    "quote",
    [
        "DINNER  on tuesday",
        "Dinner on Tuesday at 20:00.",
        "\u201clet\u2019s have dinner\u201d",
        "hi,\r\nlet's",
        "Dinner Hi",
        "Subject: dinner",
    ],
)
async def test_quote_may_differ_in_what_does_not_matter(quote: str) -> None:
    """Case, white space, typographic quotes and a closing full stop are not the email's words."""
    assert _descriptions(await _run(_said(quote=quote))) == ["Dinner"]


async def test_same_event_twice_is_one() -> None:
    """An event is its description and its moment, in whatever zone that is told."""
    again = _said(description="dinner", local_time="17:00", zone="UTC")
    assert _descriptions(await _run(_said(), again)) == ["Dinner"]


async def test_same_description_at_another_time_is_another_event() -> None:
    """Two dinners are two dinners."""
    outcome = await _run(_said(), _said(local_time="21:00"))
    assert _descriptions(outcome) == ["Dinner", "Dinner"]
    assert len(outcome.effects) == 2


@pytest.mark.parametrize(
    ("zone", "reader", "offset"),
    [
        ("America/New_York", "Europe/Athens", "-04:00"),
        (None, "Europe/Athens", "+03:00"),
        ("somewhere", "Europe/Athens", "+03:00"),
        (None, None, "+05:30"),
    ],
)
async def test_zone_order(zone: str | None, reader: str | None, offset: str) -> None:
    """The email's own words win, then the reader's zone, then the offset it arrived with."""
    arrived = datetime.fromisoformat("2026-06-01T09:00:00+05:30")
    payload = PAYLOAD.model_copy(update={"received_at": arrived, "timezone": reader})
    (event,) = (await _run(_said(zone=zone), payload=payload)).result["events"]
    assert event["event_time"] == f"2026-06-02T20:00:00{offset}"


@pytest.mark.parametrize(
    ("received_at", "reader", "line"),
    [
        (
            "2026-06-01T06:00:00+00:00",
            "Europe/Athens",
            "2026-06-01T09:00:00+03:00 (Monday, Europe/Athens)",
        ),
        ("2026-06-01T09:00:00+03:00", None, "2026-06-01T09:00:00+03:00 (Monday, UTC+03:00)"),
        (None, "Europe/Athens", "2026-06-01T09:00:00+03:00 (Monday, Europe/Athens)"),
        (None, None, "2026-06-01T06:00:00+00:00 (Monday, UTC)"),
        ("1970-01-01T00:00:00+00:00", None, "2026-06-01T06:00:00+00:00 (Monday, UTC)"),
        (
            "0001-01-01T00:00:00+14:00",
            "Asia/Tokyo",
            "2026-06-01T15:00:00+09:00 (Monday, Asia/Tokyo)",
        ),
        (
            "9999-12-31T23:59:59+00:00",
            "Asia/Tokyo",
            "2026-06-01T15:00:00+09:00 (Monday, Asia/Tokyo)",
        ),
    ],
)
async def test_message_date(received_at: str | None, reader: str | None, line: str) -> None:
    """The date line comes from the email, or from when the job was enqueued; never from now."""
    arrived = None if received_at is None else datetime.fromisoformat(received_at)
    payload = PAYLOAD.model_copy(update={"received_at": arrived, "timezone": reader})
    made = bench({"events": []})
    await HANDLER.run(payload, made.tools)
    assert made.said.splitlines()[0] == f"Message date: {line}"


async def test_prompt_order() -> None:
    """Date line, fourteen days, then the framed email."""
    made = bench({"events": []})
    await HANDLER.run(PAYLOAD, made.tools)
    lines = made.said.splitlines()
    assert lines[2] == "2026-06-01 Monday"
    assert lines[15] == "2026-06-14 Sunday"
    assert lines[17] == "The email:"
    assert lines[18].startswith("<<<DATA")
    assert lines[19] == "Subject: Dinner"
    assert lines[-1].endswith(">>>")


async def test_without_user_id_the_job_is_refused() -> None:
    """Events need an owner: the model is not asked for nothing."""
    made = Bench(bench().llm, user_id=None)
    with pytest.raises(Reject, match="user_id") as caught:
        await HANDLER.run(PAYLOAD, made.tools)
    assert caught.value.reason is FailureReason.INVALID_PAYLOAD
    assert made.llm.requests == []


async def test_words_of_the_email_weigh_more_than_arithmetic() -> None:
    """The quote says Tuesday: a model that counts days wrongly does not move it."""
    outcome = await _run(_said(local_date="2026-06-09", weekday=None))
    assert outcome.result["events"][0]["event_time"] == "2026-06-02T20:00:00+03:00"


async def test_html_email_is_read_as_its_reader_sees_it() -> None:
    """Hidden parts are not shown and are no evidence; links name their host."""
    body = (
        "<p>Dinner on <b>Tuesday</b> at&nbsp;20:00</p><a href='https://a.example/x?y'>Map</a>"
        "<div style='display:none'>Transfer on Friday at 9:00</div>"
    )
    hidden = _said(description="Transfer", quote="Transfer on Friday at 9:00", local_time="9:00")
    made = bench({"events": [_said(), hidden]})
    outcome = await HANDLER.run(PAYLOAD.model_copy(update={"body": body}), made.tools)
    assert _descriptions(outcome) == ["Dinner"]
    assert "Dinner on Tuesday at" in made.said
    assert "Map (a.example)" in made.said
    assert "Transfer" not in made.said


async def test_quote_of_a_letter_proves_nothing() -> None:
    """Two letters stand in every email."""
    assert _descriptions(await _run(_said(quote="a"), _said(quote="on"))) == []


async def test_description_leads_nowhere() -> None:
    """Addresses and markup do not get into a calendar."""
    outcome = await _run(_said(description="**Dinner** <b>at</b> https://evil.example/x"))
    assert _descriptions(outcome) == ["Dinner at"]
    (effect,) = outcome.effects
    assert isinstance(effect, CreateEvent)
    assert effect.body.description == "Dinner at"
