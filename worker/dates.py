"""From the words of a date to a moment in time: pure, no clock, no guess about "now".

A model copies what a text says; the arithmetic (zones, daylight saving, weekdays) is done here,
so that a job which is run again tomorrow gives the same answer.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# Until 1972 there were zones half a minute off UTC, which RFC 3339 cannot say.
_FIRST_YEAR, _LAST_YEAR = 1973, 2199
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9])?")
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(0?[0-9]|1[0-4])(?::?([0-5][0-9]))?")
# Abbreviations mean the place, not the offset: people write "3pm EST" in July for New York's time.
_PLACES = {
    ("EST", "EDT", "ET"): "America/New_York",
    ("CST", "CDT", "CT"): "America/Chicago",
    ("MST", "MDT", "MT"): "America/Denver",
    ("PST", "PDT", "PT"): "America/Los_Angeles",
    ("WET", "WEST"): "Europe/Lisbon",
    ("BST",): "Europe/London",
    ("CET", "CEST"): "Europe/Paris",
    ("EET", "EEST"): "Europe/Athens",
}
# Files among the zones of some systems: this machine's own zone, which no text can mean.
_NO_PLACES = {"", "localtime", "posixrules"}
_ABBREVIATIONS = {short: place for shorts, place in _PLACES.items() for short in shorts}


@dataclass(frozen=True, slots=True)
class SaidMoment:
    """A moment as a text puts it, nothing worked out yet."""

    day: str
    """`YYYY-MM-DD`, on the wall calendar of the place."""
    time: str | None = None
    """`HH:MM` on the wall clock; None or blank when the whole day is meant."""
    weekday: str | None = None
    """The English name of the day, where the text names one."""
    zone: str | None = None
    """The zone, where the text names one: `Europe/Athens`, `UTC`, `GMT+2`, `+03:00`, `CET`."""


def resolve(said: SaidMoment, home: tzinfo) -> datetime | date | None:
    """Work out a moment.

    A time that a clock change skips moves forward by the gap; one that happens twice is the first.

    Args:
        said: what the text says.
        home: the zone that is meant when the text names none, or none that can be read.

    Returns:
        A datetime with its offset, a plain date when the whole day is meant, or None when this
        is no moment: an impossible date or time, a year far off, a weekday that contradicts it.
    """
    day = _read_day(said.day)
    if day is None or _contradicts(said.weekday, day):
        return None
    if not (said.time or "").strip():
        return day
    clock = _TIME.fullmatch((said.time or "").strip())
    if clock is None:
        return None
    wall = time(int(clock[1]), int(clock[2]))
    zone = read_zone(said.zone) or home
    # Through UTC and back: a wall time inside a gap comes out after it, any other unchanged.
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC).astimezone(zone)


def home_zone(name: str | None, received_at: datetime | None) -> tzinfo:
    """The zone a text is read in: the reader's, else the one its arrival was noted in, else UTC.

    Args:
        name: an IANA name, already known to exist.
        received_at: an aware datetime.
    """
    if name is not None:
        return ZoneInfo(name)
    offset = None if received_at is None else received_at.utcoffset()
    return UTC if offset is None else timezone(offset)


def read_zone(text: str | None) -> tzinfo | None:
    """The zone that a text names, or None when nothing we know is named."""
    name = (text or "").strip().replace("\N{MINUS SIGN}", "-")
    if name.upper() in {"UTC", "GMT", "Z"}:
        return UTC
    offset = _OFFSET.fullmatch(name.upper())
    if offset is not None:
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(ahead if offset[1] == "+" else -ahead)
    if name.lower() in _NO_PLACES:
        return None
    try:
        return ZoneInfo(_ABBREVIATIONS.get(name.upper(), name))
    except (KeyError, ValueError, OSError):
        return None


def is_plausible(day: date) -> bool:
    """Whether arithmetic with this day is safe, and its offsets can be written."""
    return _FIRST_YEAR <= day.year <= _LAST_YEAR


def _read_day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if is_plausible(day) else None


def _contradicts(weekday: str | None, day: date) -> bool:
    said = (weekday or "").strip().lower()[:3]
    known = [name[:3].lower() for name in WEEKDAYS]
    return said in known and said != known[day.weekday()]
