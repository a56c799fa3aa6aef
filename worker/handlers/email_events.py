"""From the events a model names to those that hold: each rests on words of the email. Pure.

The model copies words and names a day; zones and offsets are worked out in `worker.dates`. One
event that does not hold is left out, the others stay.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from shared.schemas import Confidence, ExtractedEvent
from worker.dates import SaidMoment, resolve
from worker.untrusted.framing import one_line
from worker.untrusted.plain_text import plain

# Typographic quotes and dashes that models tend to write plainly when they copy.
_PLAIN = str.maketrans(
    "\u2018\u2019\u201a\u201c\u201d\u201e\u2010\u2011\u2013\u2014", "'''\"\"\"----"
)
_LEAST_LETTERS = 3
"""Fewer stand in every email; of other alphabets than the Latin, two can be a word."""


class SaidEvent(BaseModel):
    """One event, in the words of the model."""

    description: Annotated[str, StringConstraints(min_length=1, max_length=160)]
    quote: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    local_date: Annotated[str, StringConstraints(max_length=32)] | None
    local_time: Annotated[str, StringConstraints(max_length=20)] | None
    weekday: Annotated[str, StringConstraints(max_length=20)] | None
    zone: Annotated[str, StringConstraints(max_length=40)] | None
    confidence: Confidence


class EmailEvents(BaseModel):
    """What the model says."""

    events: Annotated[list[SaidEvent], Field(max_length=20)]


def believed(
    answers: Sequence[EmailEvents], email: str, home: tzinfo, sent: datetime
) -> list[list[ExtractedEvent]]:
    """The events whose quote stands in the email and whose moment can be, of each answer.

    Args:
        answers: what the model named, part by part.
        email: all of it, as it was shown.
        home: the reader's zone.
        sent: when the message was sent.
    """
    words = _comparable(email)
    return [
        [event for said in answer.events if (event := _believe(said, words, home, sent))]
        for answer in answers
    ]


def once(parts: Sequence[Sequence[ExtractedEvent]]) -> list[ExtractedEvent]:
    """Each event once, in the order they were named.

    Two are the same if they are at the same moment and are described alike. Parts of an email
    overlap, and what stands in two of them may be described in two ways: then it is the words that
    they rest on. In one part, these may speak of two events: "lunch and a walk on Friday".
    """
    kept: list[ExtractedEvent] = []
    for part in parts:
        before = len(kept)
        for event in part:
            earlier = any(_rest_on_same(event, other) for other in kept[:before])
            if not earlier and not any(_described_alike(event, other) for other in kept):
                kept.append(event)
    return kept


def _described_alike(one: ExtractedEvent, other: ExtractedEvent) -> bool:
    alike = one.description.casefold() == other.description.casefold()
    return alike and one.event_time == other.event_time


def _rest_on_same(one: ExtractedEvent, other: ExtractedEvent) -> bool:
    quotes = sorted((_bare(one.evidence), _bare(other.evidence)), key=len)
    return one.event_time == other.event_time and quotes[0] in quotes[1]


def _believe(said: SaidEvent, words: str, home: tzinfo, sent: datetime) -> ExtractedEvent | None:
    description, evidence = plain(said.description), plain(said.quote)
    quote = _bare(said.quote)
    moment = SaidMoment(said.local_date, said.local_time, said.weekday, said.zone, said.quote)
    if not description or not evidence or not _says_something(quote) or quote not in words:
        return None
    when = resolve(moment, home, sent)
    if when is None:
        return None
    return ExtractedEvent(
        description=description, event_time=when, confidence=said.confidence, evidence=evidence
    )


def _says_something(quote: str) -> bool:
    letters = [sign for sign in quote if sign.isalnum()]
    return len(letters) >= _LEAST_LETTERS or (len(letters) > 1 and not quote.isascii())


def _bare(quote: str) -> str:
    return _comparable(quote).strip(" .,;:!?…\"'")


def _comparable(text: str) -> str:
    return one_line(text).casefold().translate(_PLAIN)
