"""Events of an email."""

from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from worker.embedded.model_events import find_events

WRITTEN = datetime(2026, 6, 1, 9, tzinfo=ZoneInfo("Europe/Athens"))


def events(text: str) -> list[dict[str, Any]]:
    """The events of a text written on a Monday in Athens."""
    return cast("list[dict[str, Any]]", find_events(text, WRITTEN))


def test_event_with_a_time() -> None:
    """Local time and the moment with the zone's offset; the quote is verbatim."""
    (event,) = events("Hi all, the offsite is on Thursday at\n10:00. Bye")
    assert event["description"] == "the offsite is on Thursday at 10:00"
    assert event["quote"] == "Hi all, the offsite is on Thursday at\n10:00."
    assert (event["local_date"], event["local_time"]) == ("2026-06-04", "10:00")
    assert event["event_time"] == "2026-06-04T10:00:00+03:00"
    assert event["weekday"] == "Thursday"
    assert not event["all_day"]


def test_event_that_fills_its_day() -> None:
    """No time of day: the moment is a plain date, in winter too."""
    (event,) = events("The fair is on 3 December.")
    assert event["all_day"]
    assert event["local_time"] is None
    assert event["event_time"] == "2026-12-03"


def test_what_is_no_event() -> None:
    """The past, quoted mail, its headers and what was called off."""
    text = (
        "The report of 5 March 2025 is attached.\n"
        "The dinner on Friday is cancelled.\n"
        "On Mon, 25 May 2026 at 10:00, Bob wrote:\n"
        "> See you on 29 June\n"
        "Sent: 30 June 2026"
    )
    assert events(text) == []


def test_range_and_repetition_are_one_event() -> None:
    """From one day to another, and the same moment twice, are told once."""
    found = events("The fair runs from 3 July to 5 July. Do not forget 3 July.")
    assert [event["local_date"] for event in found] == ["2026-07-03"]
