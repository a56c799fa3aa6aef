"""Arithmetic on days: which ones a weekday, a week, a month or a date without year can be."""

from datetime import date, timedelta

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# Until 1972 there were zones half a minute off UTC, which RFC 3339 cannot say.
_FIRST_YEAR, _LAST_YEAR = 1973, 2199
_PAST_DAYS = 7
"""A date without year may be so long over before it is taken for next year's."""
_LEAP_YEARS_APART = 8

Days = frozenset[date]


def is_plausible(day: date) -> bool:
    """Whether arithmetic with this day is safe, and its offsets can be written."""
    return _FIRST_YEAR <= day.year <= _LAST_YEAR


def day_of(year: int, month: int, day: int) -> date | None:
    """That date, or None where the calendar has none."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def days_from(start: date, count: int) -> Days:
    """So many days in a row."""
    return frozenset(start + timedelta(days=ahead) for ahead in range(count))


def coming(weekday: int, today: date) -> date:
    """The next such weekday, today included."""
    return today + timedelta(days=(weekday - today.weekday()) % 7)


def week(today: date, ahead: int) -> Days:
    """The week, Monday to Sunday, so many weeks from today's."""
    return days_from(today + timedelta(days=7 * ahead - today.weekday()), 7)


def week_from_sunday(today: date, ahead: int) -> Days:
    """The same where weeks begin on Sunday."""
    return days_from(today + timedelta(days=7 * ahead - today.isoweekday() % 7), 7)


def month_after(today: date, ahead: int) -> tuple[int, int]:
    """Year and month so many months from today's."""
    months = today.year * 12 + today.month - 1 + ahead
    return months // 12, months % 12 + 1


def month_days(year: int, month: int) -> list[date]:
    """Every day of a month."""
    days = (day_of(year, month, number) for number in range(1, 32))
    return [day for day in days if day is not None]


def nearest(month: int, day: int, today: date) -> date | None:
    """A date without its year: the next one to come, or the one of a few days ago."""
    earliest = today - timedelta(days=_PAST_DAYS)
    for year in range(earliest.year, earliest.year + _LEAP_YEARS_APART + 1):
        candidate = day_of(year, month, day)
        if candidate is not None and candidate >= earliest:
            return candidate
    return None


def nth_weekday(days: list[date], weekday: int, nth: int) -> date | None:
    """The first, second, … (-1: last) such weekday among the days of a month."""
    fitting = [day for day in days if day.weekday() == weekday]
    index = nth if nth < 0 else nth - 1
    return fitting[index] if -len(fitting) <= index < len(fitting) else None
