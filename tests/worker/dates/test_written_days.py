"""A day as a field gives it."""

from datetime import datetime

import pytest

from worker.dates.written_days import read_day

SENT = datetime.fromisoformat("2026-06-01T09:00:00")


@pytest.mark.parametrize(
    "text",
    [
        *("2026-12-14", " 2026-12-14 ", "2026/12/14", "2026-12-14T10:00:00Z", "2026.12.14"),
        *("14 December 2026", "Dec 14, 2026", "14.12.2026", "14/12/2026", "12/14/2026"),
        *("Monday, 14 December 2026", "14. Dezember 2026", "14 Δεκεμβρίου 2026", "14.12.26"),
    ],
)
def test_one_meaning(text: str) -> None:
    """With its year a date needs no message."""
    day = read_day(text, None)
    assert day is not None
    assert day.isoformat() == "2026-12-14"


@pytest.mark.parametrize(
    "text",
    [
        *("", "04/05/2026", "2026-02-30", "31 June 2026", "Tuesday 14 December 2026", "20261214"),
        *("1900-01-01", "2200-01-01", "14 December", "tomorrow", "Friday", "3-5 June 2026"),
    ],
)
def test_no_meaning_by_itself(text: str) -> None:
    """Refused: two meanings, none, or one that only a message gives."""
    assert read_day(text, None) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [("tomorrow", "2026-06-02"), ("14 December", "2026-12-14"), ("Friday", "2026-06-05")],
)
def test_with_a_message(text: str, day: str) -> None:
    """A model that copies the words into the field is understood."""
    found = read_day(text, SENT)
    assert found is not None
    assert found.isoformat() == day
