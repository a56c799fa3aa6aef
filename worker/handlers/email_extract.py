"""email_extract: the events an email speaks of, each resting on words that stand in it.

The model copies words and names a local date; zones and offsets are worked out in `worker.dates`.
One event that does not hold is left out, the others stay.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from shared.enums import FailureReason, JobType
from shared.schemas import (
    Confidence,
    EmailExtractPayload,
    EmailExtractResult,
    EventCreate,
    ExtractedEvent,
)
from worker.dates import WEEKDAYS, SaidMoment, home_zone, is_plausible, resolve
from worker.errors import Reject
from worker.handlers.handler import Handler, Tools
from worker.handlers.prompting import DATA_RULE, marked, one_line
from worker.llm.chat import Prompt
from worker.llm.structured import model_question
from worker.outcome import Completed, CreateEvent, completed

CALENDAR_DAYS = 14
SYSTEM = f"""You find the events in an email: appointments, meetings, trips, deadlines, \
deliveries, anything with a day.
{DATA_RULE}
Answer with one JSON object whose field events lists them, or is empty when there are none. Each \
event has these fields:
description: what happens, in a few words, in the language of the email;
quote: the words of the email that say so, copied exactly, short, with the day and the time;
local_date: the day as YYYY-MM-DD, counted from the message date with the help of the calendar;
local_time: the time of day it starts as HH:MM on a 24-hour clock, or null when none is given;
weekday: the English name of the weekday when the email names one, else null;
zone: the time zone when the email names one, as an IANA name or an offset, else null;
confidence: from 0 to 1, how sure you are.
Do not convert times between zones. Leave out what has no day, and what is over and done."""

# Typographic quotes and dashes that models tend to write plainly when they copy.
_PLAIN = str.maketrans(
    "\u2018\u2019\u201a\u201c\u201d\u201e\u2010\u2011\u2013\u2014", "'''\"\"\"----"
)


class SaidEvent(BaseModel):
    """One event, in the words of the model."""

    description: Annotated[str, StringConstraints(min_length=1, max_length=160)]
    quote: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    local_date: Annotated[str, StringConstraints(max_length=10)]
    local_time: Annotated[str, StringConstraints(max_length=8)] | None
    weekday: Annotated[str, StringConstraints(max_length=12)] | None
    zone: Annotated[str, StringConstraints(max_length=40)] | None
    confidence: Confidence


class EmailEvents(BaseModel):
    """What the model says."""

    events: Annotated[list[SaidEvent], Field(max_length=20)]


QUESTION = model_question("email_events", EmailEvents, 2_048)


async def extract_events(payload: EmailExtractPayload, tools: Tools) -> Completed:
    """Find the events, and have them created for the user.

    Raises:
        Reject: nobody knows whose events they would be.
    """
    owner = tools.user_id
    if owner is None:
        raise Reject(FailureReason.INVALID_PAYLOAD, "email_extract needs user_id: whose events?")
    zone = home_zone(payload.timezone, payload.received_at)
    email = f"Subject: {one_line(payload.subject)}\n\n{payload.body}"
    sent = _sent(payload.received_at, tools.enqueued_at).astimezone(zone)
    user = f"{anchor(sent)}\n\nThe email:\n{marked(email)}"
    answer = await tools.ask(QUESTION, Prompt(SYSTEM, user))
    events = believed(answer.events, email, zone)
    effects = [
        CreateEvent(
            body=EventCreate(
                owner_user_id=owner, event_time=event.event_time, description=event.description
            )
        )
        for event in events
    ]
    return completed(EmailExtractResult(events=events), *effects)


def believed(said: Iterable[SaidEvent], email: str, zone: tzinfo) -> list[ExtractedEvent]:
    """Each event once, if its quote stands in the email and its day and time can be."""
    words = _comparable(email)
    found: dict[object, ExtractedEvent] = {}
    for each in said:
        event = _believe(each, words, zone)
        if event is not None:
            found.setdefault((event.description.casefold(), event.event_time), event)
    return list(found.values())


def _believe(said: SaidEvent, words: str, zone: tzinfo) -> ExtractedEvent | None:
    description, evidence = one_line(said.description), one_line(said.quote)
    quote = _comparable(said.quote).strip(" .,;:!?…\"'")
    when = resolve(SaidMoment(said.local_date, said.local_time, said.weekday, said.zone), zone)
    if when is None or not description or not quote or quote not in words:
        return None
    return ExtractedEvent(
        description=description, event_time=when, confidence=said.confidence, evidence=evidence
    )


def anchor(sent: datetime) -> str:
    """The message date and the days after it, so that the model needs no calendar arithmetic."""
    days = [sent.date() + timedelta(days=ahead) for ahead in range(CALENDAR_DAYS)]
    calendar = "\n".join(f"{day.isoformat()} {WEEKDAYS[day.weekday()]}" for day in days)
    stamp = sent.isoformat(timespec="seconds")
    named = f"{WEEKDAYS[sent.weekday()]}, {sent.tzinfo}"
    return f"Message date: {stamp} ({named})\nCalendar:\n{calendar}"


def _sent(received_at: datetime | None, enqueued_at: datetime) -> datetime:
    # Never the time of this run, which another try would not have. A clock that was never set
    # says 1970: when the job was enqueued is nearer to the truth.
    if received_at is None or not is_plausible(received_at):
        return enqueued_at
    return received_at


def _comparable(text: str) -> str:
    return one_line(text).casefold().translate(_PLAIN)


HANDLER = Handler(JobType.EMAIL_EXTRACT, EmailExtractPayload, extract_events)
