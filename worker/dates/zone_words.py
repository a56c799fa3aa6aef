"""A time zone out of its many names; what is ambiguous or unknown is none."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from worker.dates.folding import fold
from worker.dates.zone_names import PLACES, cities, iana_names

_LONGEST = 80
_OFFSET = re.compile(
    r"(?:utc|gmt)? ?(?P<sign>[+-]) ?(?P<hours>0?[0-9]|1[0-4])(?::?(?P<minutes>[0-5][0-9]))?"
    r"(?: ?(?:h|hours?|stunden?))?"
)
_BEFORE = re.compile(
    r"(?:in |the |local time in |time in |ora di |ora |hora de |hora |heure de |heure |ωρα )+"
)
_AFTER = re.compile(r"(?: (?:local|standard|daylight|summer|time|ortszeit|zeit|uhrzeit))+")
_JOINED = re.compile(r"(?P<place>.{3,30})er ?(?:orts)?zeit")
_PARTS = re.compile(r"[(),;]")


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
    """The zone that a text names, or None when nothing we know is named.

    `EST (New York)` and `Athens, Greece` are read by their first part that names one.
    """
    said = fold(text or "", _LONGEST).strip(" .")
    return next(
        (zone for part in (said, *_PARTS.split(said)) if (zone := _one_zone(part.strip()))), None
    )


def _one_zone(name: str) -> tzinfo | None:
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        ahead = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        return timezone(ahead if offset["sign"] == "+" else -ahead)
    key = _place(name)
    if key == "UTC":
        return UTC
    return None if key is None else ZoneInfo(key)


def _place(name: str) -> str | None:
    """The IANA name of a place."""
    # As it stands first: "gmt standard time" is London's in one mail program, "est" New York's
    # everywhere, though the list has a zone of that name without summer time.
    for key in (name, name.removesuffix(" time"), _bare(name)):
        found = PLACES.get(key) or iana_names().get(key.replace(" ", "_")) or cities().get(key)
        if found is not None:
            return found
    joined = _JOINED.fullmatch(name)
    return None if joined is None else PLACES.get(joined["place"]) or cities().get(joined["place"])


def _bare(name: str) -> str:
    start = _BEFORE.match(name)
    tail = name[start.end() :] if start else name
    return _AFTER.sub("", tail)
