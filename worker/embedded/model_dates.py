"""Dates in a text, English and German: found by their shape, read by dateparser.

Finding them by shape first keeps out what dateparser alone would take for a date ("we", "may",
"sun"). dateparser is an extra; without it, dates written as numbers are still understood.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache

_MONTH = (
    r"(?:jan(?:uar[yi]?)?|feb(?:ruar[yi]?)?|mar(?:ch)?|märz|apr(?:il)?|ma[iy]|june?|juni|july?|juli"
    r"|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)\b\.?"
)
_WEEKDAY = (
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)day"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th|\.)?"
_COUNT = r"(?:\d{1,3}|an?|one|two|three|four|five|six|ein(?:e[mnr])?|zwei|drei|vier|fünf|sechs)"
_DATE = re.compile(
    r"(?<![\w.,/-])(?:"
    r"(?P<iso>\d{4}-\d{2}-\d{2})(?=T|\b)"
    r"|(?P<dotted>\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2})?)(?!\d)"
    r"|(?P<other>\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})\b"
    rf"|{_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+\d{{4}}\b)?"
    rf"|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?!\w|:)(?:,?\s+\d{{4}}\b)?"
    rf"|{_WEEKDAY}"
    r"|day after tomorrow|today|tonight|tomorrow|heute|(?<!guten )morgen|übermorgen"
    rf"|in\s+{_COUNT}\s+(?:days?|weeks?|months?|tag(?:en)?|wochen?|monat(?:en)?)"
    r"|next (?:week|month)|nächste[nr]? (?:woche|monat)"
    r")\b)",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?<![\w:.,])(?:(?P<h12>1[0-2]|0?[1-9])(?:[:.](?P<m12>[0-5]\d))?\s*(?P<half>[ap])\.?m\b\.?"
    r"|T?(?P<h24>[01]?\d|2[0-3]):(?P<m24>[0-5]\d)"
    r"|(?P<uhr>[01]?\d|2[0-3])(?:\.(?P<muhr>[0-5]\d))?\s+Uhr\b|(?P<noon>noon|mittags?)\b)",
    re.IGNORECASE,
)
_ISO_CLOCK = re.compile(r"T(?P<h>\d{2}):(?P<m>\d{2})")
_LANGUAGES = ["en", "de"]
_MOST_CHARS_BETWEEN = 60


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date in a text, with its time of day if one stands near it, both local."""

    day: date
    at: time | None
    start: int
    end: int


def find_dates(text: str, written: datetime) -> list[FoundDate]:
    """Every date of a text in its order; relative ones are counted from when it was written."""
    found: list[FoundDate] = []
    matches = list(_DATE.finditer(text))
    for index, match in enumerate(matches):
        day = _read(match, written)
        previous = found[-1].end if found else None
        if day is None:
            continue
        if previous is not None and not text[previous : match.start()].strip(" ,(\n"):
            last = found.pop()  # "Thursday, 18 June": two ways to say one day
            found.append(FoundDate(day, last.at, last.start, match.end()))
        else:
            found.append(FoundDate(day, None, match.start(), match.end()))
        limit = matches[index + 1].start() if index + 1 < len(matches) else len(text)
        found[-1] = _with_clock(text, found[-1], limit)
    return found


def find_clocks(text: str) -> list[time]:
    """Every time of day of a text in its order."""
    return [_clock(match) for match in _CLOCK.finditer(text)]


def _with_clock(text: str, found: FoundDate, limit: int) -> FoundDate:
    """Give a date its time: the first one between it and the next date, else one right before."""
    iso = _ISO_CLOCK.match(text, found.end)
    if iso is not None and int(iso["h"]) < 24 and int(iso["m"]) < 60:
        return FoundDate(found.day, time(int(iso["h"]), int(iso["m"])), found.start, iso.end())
    after = _CLOCK.search(text, found.end, min(limit, found.end + _MOST_CHARS_BETWEEN))
    if after is not None:
        return FoundDate(found.day, _clock(after), found.start, found.end)
    before = list(_CLOCK.finditer(text, max(0, found.start - 24), found.start))
    if before and found.at is None:
        return FoundDate(found.day, _clock(before[-1]), before[-1].start(), found.end)
    return found


def _clock(match: re.Match[str]) -> time:
    if match["noon"]:
        return time(12)
    if match["h12"]:
        hour = int(match["h12"]) % 12 + (12 if match["half"].lower() == "p" else 0)
        return time(hour, int(match["m12"] or 0))
    return time(int(match["h24"] or match["uhr"]), int(match["m24"] or match["muhr"] or 0))


def _read(match: re.Match[str], written: datetime) -> date | None:
    """The day an expression names, or None if there is no such day."""
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        if match["dotted"]:
            return _dotted(match["dotted"], written)
    except ValueError:
        return None
    return _worded(match["other"].lower(), written.date())


def _dotted(written_date: str, written: datetime) -> date:
    """`14.6.2026` is always day, month, year; a year that is left out is the next one to come."""
    day, month, year = written_date.split(".")
    if year:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    this_year = date(written.year, int(month), int(day))
    is_over = this_year < written.date()
    return this_year.replace(year=written.year + 1) if is_over else this_year


@lru_cache(maxsize=1024)
def _worded(expression: str, written: date) -> date | None:
    try:
        import dateparser  # noqa: PLC0415 - an extra, and a slow import
    except ImportError:
        return None
    # dateparser keeps a settings object for every base it ever saw: days, not seconds, bound them
    base = datetime.combine(written, time())
    parsed = dateparser.parse(
        expression,
        languages=_LANGUAGES,
        settings={"RELATIVE_BASE": base, "PREFER_DATES_FROM": "future"},
    )
    return parsed.date() if parsed is not None else None
