"""email_extract: the events an email speaks of, created for its reader.

An email that is too long for the model loses its quoted replies and its signature first; if it is
hardly too long then, some of its middle; otherwise it is read in parts that overlap. At most 32
calls, see `asking`; the result says if the model did not see all of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from shared.enums import FailureReason, JobType
from shared.schemas import EmailExtractPayload, EmailExtractResult, EventCreate, ExtractedEvent
from worker.dates import WEEKDAYS, home_zone, is_plausible
from worker.errors import Reject
from worker.handlers.asking import Asked, Asking, as_said, beside, or_with_half
from worker.handlers.email_events import EmailEvents, believed, once
from worker.handlers.handler import Handler, Tools
from worker.handlers.reading_parts import MOST_PARTS, each_part
from worker.handlers.wording import wording
from worker.llm.structured import model_question
from worker.llm.tokens import estimate_tokens
from worker.outcome import Completed, CreateEvent, completed
from worker.untrusted.email_text import own_words
from worker.untrusted.framing import marked, one_line, shown
from worker.untrusted.trimming import Parts, in_parts, middle_out

CALENDAR_DAYS = 14
HARDLY_TOO_LONG = 1.15
"""Up to here an eighth is left out of the middle; beyond, another call costs less than the loss."""
WORDING = wording("email_extract")
QUESTION = model_question("email_events", EmailEvents, 2_048, salvage="events")


@dataclass(frozen=True, slots=True)
class Letter:
    """An email as it is shown."""

    subject: str
    body: str
    anchor: str
    """The message date and a calendar."""

    @property
    def text(self) -> str:
        """All of it that a quote may come from."""
        return f"Subject: {self.subject}\n\n{self.body}"

    def request(self, piece: str) -> str:
        """What is said about the body, or about a piece of it."""
        email = f"Subject: {self.subject}\n\n{piece}"
        return f"{self.anchor}\n\nThe email:\n{marked(email)}"


async def extract_events(payload: EmailExtractPayload, tools: Tools) -> Completed:
    """Find the events, and have them created for the user.

    Raises:
        Reject: nobody knows whose events they would be.
    """
    owner = tools.user_id
    if owner is None:
        raise Reject(FailureReason.INVALID_PAYLOAD, "email_extract needs user_id: whose events?")
    home = home_zone(payload.timezone, payload.received_at)
    sent = _sent(payload.received_at, tools.enqueued_at).astimezone(home)
    body = await shown(payload.body, links="host")
    letter = Letter(one_line(payload.subject), body, anchor(sent))
    dropped = tools.ask.usage.dropped
    asked = await _read(letter, tools)
    held = await beside(len(body), partial(believed, asked.value, letter.text, home, sent))
    said = sum(len(answer.events) for answer in asked.value)
    tools.ask.usage.dropped += said - sum(map(len, held))
    events = once(held)
    result = EmailExtractResult(
        events=events,
        dropped=tools.ask.usage.dropped - dropped,
        truncated_input=asked.cut,
    )
    return completed(result, *(_created(event, owner) for event in events))


async def _read(letter: Letter, tools: Tools) -> Asked[list[EmailEvents]]:
    """What the model names, part by part."""
    asking = Asking(tools.ask, QUESTION, WORDING, as_said)

    async def about(piece: str) -> EmailEvents:
        return await asking(letter.request(piece))

    async def with_room(room: int) -> Asked[list[EmailEvents]]:
        parts = await beside(len(letter.body), partial(fitting_parts, letter.body, room))
        answers = await each_part(tools.kept, QUESTION.name, parts.pieces, about)
        return Asked(answers, parts.cut)

    room = asking.room() - estimate_tokens(letter.request(""))
    return await or_with_half(room, estimate_tokens(letter.body), with_room)


def fitting_parts(body: str, room: int) -> Parts:
    """The body as it is shown to a model that has room for so many tokens of it."""
    if estimate_tokens(body) <= room:
        return Parts([body], cut=False)
    own = own_words(body)
    if estimate_tokens(own) <= room * HARDLY_TOO_LONG:
        return Parts([middle_out(own, room)], cut=True)
    parts = in_parts(own, room, MOST_PARTS)
    return Parts(parts.pieces, cut=parts.cut or own != body)


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


def _created(event: ExtractedEvent, owner: int) -> CreateEvent:
    body = EventCreate(
        owner_user_id=owner, event_time=event.event_time, description=event.description
    )
    return CreateEvent(body=body)


HANDLER = Handler(JobType.EMAIL_EXTRACT, EmailExtractPayload, extract_events)
