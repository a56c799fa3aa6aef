"""What was said of a moment, made into one."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from worker.dates.calendar_days import Days, is_plausible
from worker.dates.clock_words import DAY, read_clock, says_midnight
from worker.dates.day_words import days_said, weekday_said
from worker.dates.folding import is_blank
from worker.dates.written_days import read_day
from worker.dates.zone_words import read_zone

_LONGEST_TIME = 40


@dataclass(frozen=True, slots=True)
class SaidMoment:
    """A moment as a text puts it, nothing worked out yet."""

    day: str | None = None
    """`YYYY-MM-DD`, on the wall calendar of the place; None or blank leaves it to the quote."""
    time: str | None = None
    """`HH:MM` on the wall clock, or other words for it; blank when the whole day is meant."""
    weekday: str | None = None
    """The name of the day, where the text names one."""
    zone: str | None = None
    """The zone, where the text names one: `Europe/Athens`, `UTC`, `GMT+2`, `CET`, `London`."""
    quote: str = ""
    """The words of the message that say so."""


def resolve(said: SaidMoment, home: tzinfo, sent: datetime | None = None) -> datetime | date | None:
    """Work out a moment.

    The words of the quote weigh more than the day that was worked out from them: where they allow
    one day only, it is that day; where they allow several, the day must be one of them. A time
    that a clock change skips moves forward by the gap; one that happens twice is the first.

    Args:
        said: what the text says.
        home: the zone that is meant when the text names none, or none that can be read; also the
            one in which the message's today is.
        sent: when the message was sent, aware; None leaves the quote unread.

    Returns:
        A datetime with its offset, a plain date when the whole day is meant, or None when this
        is no moment: an impossible date or time, a year far off, a weekday that contradicts it.
    """
    minutes, zone = None, read_zone(said.zone)
    if not is_blank(said.time):
        minutes, clock_zone = _clock_and_zone(said.time or "")
        zone = zone or clock_zone
        if minutes is None:
            return None
    wall_sent = _on_the_wall(sent, home)
    # A model writes 00:00 for "midnight on Friday": the night that ends the day.
    at_midnight = DAY if minutes == 0 and says_midnight(said.quote) else minutes
    allowed = None if wall_sent is None else days_said(said.quote, wall_sent, at_midnight)
    day = _day(said, wall_sent, allowed)
    if day is None or not is_plausible(day):
        return None
    if minutes is None:
        return day
    if allowed is not None:
        minutes = at_midnight or 0
    return _moment(day, minutes, zone or home)


def _clock_and_zone(text: str) -> tuple[int | None, tzinfo | None]:
    """`3 pm EST` says both. `15:30Z` is no time: models end times so out of habit."""
    minutes = read_clock(text)
    clock, _, last = text[:_LONGEST_TIME].strip().rpartition(" ")
    if minutes is not None or not last.isalpha():
        return minutes, None
    zone = read_zone(last)
    return (None if zone is None else read_clock(clock)), zone


def _on_the_wall(sent: datetime | None, home: tzinfo) -> datetime | None:
    """The time of the message on its reader's clock, without a zone; None when it is absurd."""
    if sent is None or not is_plausible(sent):
        return None
    aware = sent if sent.tzinfo is not None else sent.replace(tzinfo=home)
    return aware.astimezone(home).replace(tzinfo=None)


def _day(said: SaidMoment, sent: datetime | None, allowed: Days | None) -> date | None:
    if allowed is not None and len(allowed) == 1:
        return next(iter(allowed))
    weekday = weekday_said(said.weekday or "")
    written = None if is_blank(said.day) else read_day(said.day or "", sent)
    if written is None and allowed is not None and weekday is not None:
        fitting = [day for day in allowed if day.weekday() == weekday]
        return fitting[0] if len(fitting) == 1 else None
    if written is None or (allowed is not None and written not in allowed):
        return None
    return written if weekday in {None, written.weekday()} else None


def _moment(day: date, minutes: int, zone: tzinfo) -> datetime | None:
    day += timedelta(days=minutes // DAY)
    if not is_plausible(day):
        return None
    wall = time(minutes % DAY // 60, minutes % 60)
    # Through UTC and back: a wall time inside a gap comes out after it, any other unchanged.
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC).astimezone(zone)
