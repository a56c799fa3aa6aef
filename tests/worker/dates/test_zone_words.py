"""Names of time zones."""

from datetime import datetime
from zoneinfo import available_timezones

import pytest

from worker.dates.zone_names import PLACES, cities, iana_names
from worker.dates.zone_words import read_zone

WINTER = datetime.fromisoformat("2026-01-10T12:00:00")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("europe/athens", "Europe/Athens"),
        ("AMERICA/PORT_OF_SPAIN", "America/Port_of_Spain"),
        ("America/Argentina/Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("London", "Europe/London"),
        ("London time", "Europe/London"),
        ("london local time", "Europe/London"),
        ("Athens, Greece", "Europe/Athens"),
        ("EET (Athens)", "Europe/Athens"),
        ("Eastern Daylight Time", "America/New_York"),
        ("US Pacific", "America/Los_Angeles"),
        ("the Eastern time", "America/New_York"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("GMT Standard Time", "Europe/London"),
        ("MEZ", "Europe/Berlin"),
        ("HEC", "Europe/Paris"),
        ("aest", "Australia/Sydney"),
        ("Wiener Zeit", "Europe/Vienna"),
        ("heure de Paris", "Europe/Paris"),
        ("ώρα Ελλάδας", "Europe/Athens"),
        ("SÃO PAULO", "America/Sao_Paulo"),
    ],
)
def test_named(text: str, key: str) -> None:
    """A name stands for its place, with the time that place has on the day."""
    assert str(read_zone(text)) == key


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("UTC+2", 2),
        ("gmt-5:30", -5.5),
        ("+0530", 5.5),
        ("UTC +02:00", 2),
        ("Zulu", 0),
        ("-12", -12),
    ],
)
def test_offsets(text: str, hours: float) -> None:
    """An offset is the same all year."""
    zone = read_zone(text)
    assert zone is not None
    offset = zone.utcoffset(WINTER)
    assert offset is not None
    assert offset.total_seconds() == hours * 3600


@pytest.mark.parametrize("text", ["IST", "AST", "east", "my time", "time", "zeit", "Factory", "()"])
def test_ambiguous(text: str) -> None:
    """What means two places, or none, is left to the home zone."""
    assert read_zone(text) is None


def test_tables_name_zones_that_exist() -> None:
    """A slip in a table would raise in the middle of a job."""
    known = available_timezones()
    assert set(PLACES.values()) <= known | {"UTC"}
    assert set(cities().values()) <= set(iana_names().values()) <= known
