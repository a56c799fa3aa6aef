"""Dates found in texts."""

import sys
from datetime import UTC, date, datetime, time

import pytest

from worker.embedded.model_dates import find_clocks, find_dates

MONDAY = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day", "at"),
    [
        ("The fair is on 2026-09-14.", date(2026, 9, 14), None),
        ("Starts 2026-09-14T18:30 sharp", date(2026, 9, 14), time(18, 30)),
        ("Abgabe bis 14.6.2026", date(2026, 6, 14), None),
        ("Abgabe bis 14.5. bitte", date(2027, 5, 14), None),
        ("Zahnarzt am 12. Juni um 14 Uhr", date(2026, 6, 12), time(14)),
        ("The party is on 14 June at 18:30", date(2026, 6, 14), time(18, 30)),
        ("Thursday, 18 June 2026, 10:00-16:00", date(2026, 6, 18), time(10)),
        ("June 5th at noon", date(2026, 6, 5), time(12)),
        ("Lunch tomorrow?", date(2026, 6, 2), None),
        ("Dinner on Friday at 7:30 pm", date(2026, 6, 5), time(19, 30)),
        ("At 12 am on Friday", date(2026, 6, 5), time(0)),
        ("We fly in two weeks", date(2026, 6, 15), None),
        ("Treffen übermorgen", date(2026, 6, 3), None),
        ("The dentist, 5 January", date(2027, 1, 5), None),
    ],
)
def test_date_is_found(text: str, day: date, at: time | None) -> None:
    """One date, its day and its time."""
    found = find_dates(text, MONDAY)
    assert [(each.day, each.at) for each in found] == [(day, at)]


@pytest.mark.parametrize(
    "text",
    [
        "We march on, you may be second, sun and all.",
        "Call 555-1234 about 3 boxes, version 1.2.3.",
        "Guten Morgen!",
        "Due 2026-02-31 or 45.13.2026",
    ],
)
def test_no_date_is_made_up(text: str) -> None:
    """Words and numbers that only look like dates are none."""
    assert find_dates(text, MONDAY) == []


def test_each_date_keeps_its_own_time() -> None:
    """A time belongs to the date it follows."""
    found = find_dates("Friday at 10:00 and Saturday at 11:00", MONDAY)
    assert [each.at for each in found] == [time(10), time(11)]


def test_numeric_dates_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dateparser the ISO dates are still there, the worded ones are not."""
    monkeypatch.setitem(sys.modules, "dateparser", None)
    found = find_dates("2026-06-14 or tomorrow", datetime(1999, 1, 1, tzinfo=UTC))
    assert [each.day for each in found] == [date(2026, 6, 14)]


def test_clocks_alone() -> None:
    """Times of day without a date."""
    assert find_clocks("from 9:15 to 5 p.m.") == [time(9, 15), time(17)]
