"""The days a quote allows, and what it leaves open."""

from datetime import date, datetime

import pytest

from worker.dates.day_words import days_said, weekday_said

MONDAY = datetime.fromisoformat("2026-06-01T09:00:00")
FRIDAY = datetime.fromisoformat("2026-06-05T10:00:00")
SUNDAY = datetime.fromisoformat("2026-06-07T20:00:00")


def _said(quote: str, sent: datetime = MONDAY, minutes: int | None = None) -> list[str] | None:
    days = days_said(quote, sent, minutes)
    return None if days is None else sorted(day.isoformat() for day in days)


@pytest.mark.parametrize(
    "quote",
    [
        *("", "see you soon", "24/7", "may I come?", "the sun is out", "the second one"),
        *("before Friday", "not on Friday", "every Monday", "every other Friday", "the Fridays"),
        *("jeden Freitag", "le vendredi", "los viernes", "ogni venerdì", "κάθε Παρασκευή"),
        *("the day after Friday", "Friday before Easter", "Easter Monday", "the week of 8 June"),
        *("Friday or Saturday", "Friday to Sunday", "5 June - 7 June", "tomorrow or Wednesday"),
        *("a week from next Friday", "in a week or two", "in 2-3 weeks", "within 3 days"),
        *("tomorrow days", "Friday days", "in 3 months", "June 2027", "mid-June"),
        *("Due Friday. 12 June is off", "the 2nd floor", "am 5. Stock", "first Friday"),
        *("12.34.56", "192.168.10.12", "99/99/2026", "2026-99-99", "1.2.3.4."),
    ],
)
def test_open(quote: str) -> None:
    """No expression, several, or one that cannot be told: the words decide nothing."""
    assert _said(quote) is None


@pytest.mark.parametrize("quote", ["tomorrow, Friday", "Friday, 13 June 2026", "31 June"])
def test_contradiction(quote: str) -> None:
    """Words side by side that cannot all hold allow no day."""
    assert _said(quote) == []


@pytest.mark.parametrize(
    ("quote", "sent", "days"),
    [
        ("Friday", FRIDAY, ["2026-06-05", "2026-06-12"]),
        ("this Friday", FRIDAY, ["2026-06-05", "2026-06-12"]),
        ("next Friday", MONDAY, ["2026-06-05", "2026-06-12"]),
        ("next Friday", FRIDAY, ["2026-06-12"]),
        ("next Friday", SUNDAY, ["2026-06-12", "2026-06-19"]),
        ("next Monday", SUNDAY, ["2026-06-08", "2026-06-15"]),
        ("the Friday after next", MONDAY, ["2026-06-12", "2026-06-19"]),
        ("04/05/2026", MONDAY, ["2026-04-05", "2026-05-04"]),
        ("Mon 04/05/2026", MONDAY, ["2026-04-05", "2026-05-04"]),
        ("Monday 04/05/2026", MONDAY, ["2026-05-04"]),
        ("12.-14.6.", MONDAY, ["2026-06-12", "2026-06-13", "2026-06-14"]),
        ("3./4. Juni", MONDAY, ["2026-06-03", "2026-06-04"]),
        ("on 3/4 June", MONDAY, ["2026-06-03", "2026-06-04"]),
        ("in acht Tagen", MONDAY, ["2026-06-08", "2026-06-09"]),
        ("this weekend", MONDAY, ["2026-06-06", "2026-06-07", "2026-06-13", "2026-06-14"]),
        ("Saturday at the weekend", MONDAY, ["2026-06-06", "2026-06-13"]),
        ("Freitag in zwei Wochen", SUNDAY, ["2026-06-19", "2026-06-26"]),
    ],
)
def test_several(quote: str, sent: datetime, days: list[str]) -> None:
    """Where people differ, every reading stays."""
    assert _said(quote, sent) == days


def test_a_time_that_is_over_leaves_the_later_day() -> None:
    """At ten on Friday, "Friday at nine" is in a week; "Friday at five" may be either."""
    assert _said("Friday", FRIDAY, 9 * 60) == ["2026-06-12"]
    assert _said("Friday", FRIDAY, 17 * 60) == ["2026-06-05", "2026-06-12"]


def test_the_small_hours_of_tonight_are_tomorrow() -> None:
    """But not for who writes in them."""
    assert _said("tonight", MONDAY, 60) == ["2026-06-02"]
    assert _said("tonight", MONDAY, 21 * 60) == ["2026-06-01"]
    assert _said("tonight", MONDAY.replace(hour=0), 60) == ["2026-06-01"]


def test_a_date_without_year_may_be_a_week_over() -> None:
    """After that it is next year's."""
    assert _said("25 May") == ["2026-05-25"]
    assert _said("24 May") == ["2027-05-24"]
    assert _said("3 January", datetime.fromisoformat("2026-12-29T16:00:00")) == ["2027-01-03"]


def test_the_end_of_a_named_month_is_vague() -> None:
    """The end of this month is its last day."""
    assert _said("Ende des Monats") == ["2026-06-30"]
    assert days_said("Ende Februar 2028", MONDAY) == {date(2028, 2, d) for d in range(20, 30)}


@pytest.mark.parametrize(
    ("text", "weekday"),
    [
        ("Friday", 4),
        ("on Fri.", 4),
        ("ΠΑΡΑΣΚΕΥΗ", 4),
        ("Freitagabend", 4),
        ("Sat", 5),
        ("", None),
        ("Friday or Saturday", None),
        ("whenever", None),
    ],
)
def test_weekday_said(text: str, weekday: int | None) -> None:
    """A weekday in any language, if it is one."""
    assert weekday_said(text) == weekday
