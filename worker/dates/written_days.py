"""A day as a field gives it: `YYYY-MM-DD`, or another form that has one meaning only."""

import re
from datetime import date, datetime

from worker.dates.calendar_days import day_of, is_plausible
from worker.dates.day_words import days_said
from worker.dates.folding import fold

_LONGEST = 60
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[t ][0-9:.+zt-]*)?")
# For a field without a message only a date with its year has a meaning, the same on any two days.
_ANY_DAYS = (datetime(1990, 3, 14), datetime(2011, 10, 6))  # noqa: DTZ001 - wall times, of no zone


def read_day(text: str, sent: datetime | None) -> date | None:
    """The one day that a text means, or None.

    Args:
        text: `2026-12-14`, `14 December 2026`, `14.12.2026`; with `sent` also `tomorrow`.
        sent: the message's time where its reader is.
    """
    said = fold(text, _LONGEST)
    iso = _ISO.fullmatch(said)
    if iso is not None:
        day = day_of(*(int(part) for part in iso.groups()))
        return day if day is not None and is_plausible(day) else None
    settings = _ANY_DAYS if sent is None else (sent,)
    readings = {days_said(said, each) for each in settings}
    days = readings.pop() if len(readings) == 1 else None
    if days is None or len(days) != 1:
        return None
    (only,) = days
    return only if is_plausible(only) else None
