"""The table of what a date's words come to."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from worker.dates import SaidMoment, home_zone, is_plausible, read_zone, resolve

ATHENS = ZoneInfo("Europe/Athens")


def _resolved(said: SaidMoment, home: tzinfo = ATHENS) -> str | None:
    moment = resolve(said, home)
    return None if moment is None else moment.isoformat()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (SaidMoment("2026-06-02", "20:00"), "2026-06-02T20:00:00+03:00"),
        (SaidMoment("2026-12-02", "20:00"), "2026-12-02T20:00:00+02:00"),
        (SaidMoment(" 2026-06-02 ", " 9:05 "), "2026-06-02T09:05:00+03:00"),
        (SaidMoment("2026-06-02", "09:05:30"), "2026-06-02T09:05:00+03:00"),
        (SaidMoment("2026-06-02", "00:00"), "2026-06-02T00:00:00+03:00"),
        (SaidMoment("2026-06-02", "24:00"), "2026-06-03T00:00:00+03:00"),
        (SaidMoment("2026-06-02", "midnight"), "2026-06-03T00:00:00+03:00"),
        (SaidMoment("2026-06-02", "3 PM EST"), "2026-06-02T15:00:00-04:00"),
        (SaidMoment("2026-06-02", "3 PM EST", zone="UTC"), "2026-06-02T15:00:00+00:00"),
        (SaidMoment("2028-02-29", "12:00"), "2028-02-29T12:00:00+02:00"),
    ],
)
def test_times(said: SaidMoment, expected: str) -> None:
    """A wall time gets the offset of its day."""
    assert _resolved(said) == expected


@pytest.mark.parametrize("time", [None, "", "  ", "null", "None", "N/A"])
def test_all_day(time: str | None) -> None:
    """Without a time it is a plain date, whatever zone was named; never a made-up midnight."""
    moment = resolve(SaidMoment("2026-06-02", time, zone="UTC"), ATHENS)
    assert type(moment) is date
    assert moment == date(2026, 6, 2)


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        ("America/New_York", "-04:00"),
        ("UTC", "+00:00"),
        ("z", "+00:00"),
        ("GMT", "+00:00"),
        ("GMT+2", "+02:00"),
        ("utc -5", "-05:00"),
        ("+03:00", "+03:00"),
        ("+0530", "+05:30"),
        ("\N{MINUS SIGN}3", "-03:00"),
        ("Etc/GMT+2", "-02:00"),
        ("Japan", "+09:00"),
        ("PST", "-07:00"),
        ("cest", "+02:00"),
        ("CET", "+02:00"),
        ("EEST", "+03:00"),
    ],
)
def test_zone_that_is_named(zone: str, offset: str) -> None:
    """A zone in the text wins; abbreviations stand for the place and its time on that day."""
    said = SaidMoment("2026-07-01", "15:00", zone=zone)
    assert _resolved(said, timezone(timedelta(hours=8))) == f"2026-07-01T15:00:00{offset}"


@pytest.mark.parametrize(
    "zone",
    [
        *(None, "", " ", "local", "localtime", "posixrules", "Mars/Base"),
        *("+25:00", "+15", "GMT+2:75"),
        *("../../etc/passwd", "/etc/passwd", "Europe", "Europe/", "zone.tab"),
        *("a\x00b", "x" * 5_000),
    ],
)
def test_zone_that_cannot_be_read(zone: str | None) -> None:
    """What names no zone leaves the home zone, and never raises."""
    assert read_zone(zone) is None
    said = SaidMoment("2026-06-02", "20:00", zone=zone)
    assert _resolved(said) == "2026-06-02T20:00:00+03:00"


@pytest.mark.parametrize(
    ("zone", "said", "expected"),
    [
        ("Europe/Athens", ("2026-03-29", "02:59"), "2026-03-29T02:59:00+02:00"),
        ("Europe/Athens", ("2026-03-29", "03:00"), "2026-03-29T04:00:00+03:00"),
        ("Europe/Athens", ("2026-03-29", "03:30"), "2026-03-29T04:30:00+03:00"),
        ("America/New_York", ("2026-03-08", "02:30"), "2026-03-08T03:30:00-04:00"),
        ("Australia/Lord_Howe", ("2026-10-04", "02:10"), "2026-10-04T02:40:00+11:00"),
        ("Pacific/Apia", ("2011-12-30", "10:00"), "2011-12-31T10:00:00+14:00"),
    ],
)
def test_gap_moves_forward(zone: str, said: tuple[str, str], expected: str) -> None:
    """A time that the clocks skip is later by what they skip, even a whole day."""
    assert _resolved(SaidMoment(*said), ZoneInfo(zone)) == expected


@pytest.mark.parametrize(
    ("zone", "said", "expected"),
    [
        ("Europe/Athens", ("2026-10-25", "03:30"), "2026-10-25T03:30:00+03:00"),
        ("Europe/Athens", ("2026-10-25", "04:00"), "2026-10-25T04:00:00+02:00"),
        ("America/New_York", ("2026-11-01", "01:30"), "2026-11-01T01:30:00-04:00"),
    ],
)
def test_fold_takes_the_first(zone: str, said: tuple[str, str], expected: str) -> None:
    """A time that comes twice is meant the first time."""
    assert _resolved(SaidMoment(*said), ZoneInfo(zone)) == expected


@pytest.mark.parametrize(
    ("weekday", "holds"),
    [
        ("Tuesday", True),
        ("tue", True),
        ("TUES.", True),
        (None, True),
        ("", True),
        ("Τρίτη", True),
        ("mardi", True),
        ("Freitag", False),
        ("someday", True),
        ("Wednesday", False),
        ("mon", False),
    ],
)
def test_weekday(weekday: str | None, holds: bool) -> None:
    """A weekday that contradicts the date makes it no moment; an unknown word says nothing."""
    said = SaidMoment("2026-06-02", "20:00", weekday)
    assert (resolve(said, ATHENS) is not None) is holds


@pytest.mark.parametrize(
    ("day", "time"),
    [
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("2026-06-31", "10:00"),
        ("06/02/2026", None),
        ("", None),
        ("1850-06-02", "10:00"),
        ("0001-01-01", "00:00"),
        ("9999-12-31", "23:59"),
        ("2199-12-31", "24:00"),
        ("2026-06-02", "12:60"),
        ("2026-06-02", "8"),
        ("2026-06-02", "evening"),
        ("2026-06-02", "15:30Z"),
        ("2026-06-02", "\u0660\u0668:\u0660\u0660"),
    ],
)
def test_no_moment(day: str, time: str | None) -> None:
    """What cannot be a day or a time of day is None, never an exception."""
    assert resolve(SaidMoment(day, time), timezone(timedelta(hours=-14))) is None


SENT = datetime.fromisoformat("2026-06-01T09:00:00+03:00")


@pytest.mark.parametrize(
    ("quote", "day", "weekday", "expected"),
    [
        ("see you on Friday", "2026-06-12", "Friday", "2026-06-05"),
        ("see you on Friday", None, None, "2026-06-05"),
        ("see you on Friday", "rubbish", "Monday", "2026-06-05"),
        ("next Friday", "2026-06-12", "Friday", "2026-06-12"),
        ("next Friday", "2026-06-19", "Friday", None),
        ("next Friday", None, "Friday", None),
        ("some day next week", None, "Wednesday", "2026-06-10"),
        ("some day next week", "2026-06-10", "Friday", None),
        ("Tuesday, 10 June", "2026-06-10", None, None),
        ("as we said", "2026-06-10", "Wednesday", "2026-06-10"),
        ("as we said", "2026-06-10", "Friday", None),
        ("as we said", None, "Friday", None),
        ("in 99 weeks from 2199", None, None, "2028-04-24"),
    ],
)
def test_quote_against_day(
    quote: str, day: str | None, weekday: str | None, expected: str | None
) -> None:
    """One day in the quote wins; of several the said day must be one; of none it stands alone."""
    said = SaidMoment(day, weekday=weekday, quote=quote)
    moment = resolve(said, ATHENS, SENT)
    assert (None if moment is None else moment.isoformat()) == expected


@pytest.mark.parametrize(
    ("quote", "day", "expected"),
    [
        ("tonight at midnight", "2026-06-01", "2026-06-02T00:00:00+03:00"),
        ("tonight at midnight", "2026-06-02", "2026-06-02T00:00:00+03:00"),
        ("next Friday, midnight", "2026-06-12", "2026-06-13T00:00:00+03:00"),
        ("at midnight", "2026-06-12", "2026-06-12T00:00:00+03:00"),
        ("tonight, 00:00", "2026-06-01", "2026-06-02T00:00:00+03:00"),
        ("Friday, 00:00", "2026-06-05", "2026-06-05T00:00:00+03:00"),
    ],
)
def test_midnight_ends_the_day_that_the_quote_names(quote: str, day: str, expected: str) -> None:
    """A model writes 00:00 for it, on the one day or on the other."""
    moment = resolve(SaidMoment(day, "00:00", quote=quote), ATHENS, SENT)
    assert moment is not None
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    "sent",
    [None, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)],
)
def test_without_a_message_time_the_quote_is_not_read(sent: datetime | None) -> None:
    """Nothing is ever counted from the day of the run, nor from a clock that was never set."""
    quoted = SaidMoment("2026-06-02", quote="on Friday")
    assert resolve(quoted, ATHENS, sent) == date(2026, 6, 2)
    assert resolve(SaidMoment("tomorrow", quote="tomorrow"), ATHENS, sent) is None


def test_a_message_time_without_zone_is_of_the_home_zone() -> None:
    """Not of the machine's."""
    sent = datetime.fromisoformat("2026-06-01T23:59:00")
    assert resolve(SaidMoment(quote="tomorrow"), ATHENS, sent) == date(2026, 6, 2)


def test_home_zone() -> None:
    """The reader's zone, else the offset of the arrival, else UTC."""
    arrived = datetime.fromisoformat("2026-06-01T09:00:00+03:00")
    assert home_zone("Europe/Athens", arrived) == ATHENS
    assert home_zone(None, arrived) == timezone(timedelta(hours=3))
    assert home_zone(None, None) is UTC


def test_plausible_years() -> None:
    """Years with odd offsets, or at the ends of the calendar, are left alone."""
    assert is_plausible(date(2026, 6, 1))
    assert not is_plausible(date(1970, 1, 1))
    assert not is_plausible(datetime(9999, 12, 31, tzinfo=UTC))
