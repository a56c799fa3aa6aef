"""Events of an email: each sentence that names a day to come."""

import re
from datetime import datetime, time

from pydantic import JsonValue

from worker.embedded.model_dates import FoundDate, find_dates
from worker.embedded.model_words import sentences

_NOT_AN_EVENT = re.compile(
    r"^(?:>|(?:from|to|cc|date|sent|von|an|gesendet|datum):)|\b(?:wrote|schrieb)\b.*:$"
    r"|\b(?:cancell?ed|abgesagt)\b",
    re.IGNORECASE,
)
_RANGE = re.compile(r"^\W*(?:to|until|till|through|bis|-|–)\W+$", re.IGNORECASE)  # noqa: RUF001 - as in mail
_LABEL = re.compile(
    r"^(?:(?:subject|betreff|body|text|when|wann)\s*:\s*"
    r"|(?:hi|hello|hey|dear|hallo|liebe[rs]?)\b[^,.!?]{0,40}[,!]\s*)+",
    re.IGNORECASE,
)
_DESCRIPTION_CHARS = 200


def find_events(text: str, written: datetime) -> list[JsonValue]:
    """Every event of a text from the day it was written on; its parts under all names in use.

    Relative days are counted from `written`; times are local to its zone.
    """
    events: list[JsonValue] = []
    seen: set[tuple[datetime, bool]] = set()
    for sentence in sentences(text):
        if _NOT_AN_EVENT.search(sentence):
            continue
        end = 0
        for found in find_dates(sentence, written):
            is_range_end = end > 0 and _RANGE.match(sentence[end : found.start]) is not None
            end = found.end
            moment = datetime.combine(found.day, found.at or time(), written.tzinfo)
            key = (moment, found.at is None)
            if is_range_end or found.day < written.date() or key in seen:
                continue
            seen.add(key)
            events.append(_event(sentence, found, moment))
    return events


def _event(sentence: str, found: FoundDate, moment: datetime) -> JsonValue:
    description = _LABEL.sub("", " ".join(sentence.split()))[:_DESCRIPTION_CHARS].rstrip(" .,;:")
    all_day = found.at is None
    clock = None if found.at is None else found.at.isoformat("minutes")
    weekday = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return {
        "description": description,
        "title": description,
        "quote": sentence,
        "evidence": sentence,
        "local_date": found.day.isoformat(),
        "date": found.day.isoformat(),
        "local_time": clock,
        "time": clock,
        "weekday": weekday[found.day.weekday()],
        "all_day": all_day,
        "event_time": found.day.isoformat() if all_day else moment.isoformat(),
        "end_date": None,
        "end_time": None,
        "duration": None,
        "tz_text": None,
        "timezone": None,
        "zone": None,
        "recurrence": None,
        "confidence": 0.7 if all_day else 0.9,
    }
