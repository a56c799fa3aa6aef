"""Which events hold, and which of them are the same."""

from datetime import UTC, date, datetime

import pytest

from shared.schemas import ExtractedEvent
from worker.handlers.email_events import EmailEvents, SaidEvent, believed, once

SENT = datetime(2026, 6, 1, 9, tzinfo=UTC)
EMAIL = "Choir practice on Friday at 19:30, as always. The fair is on June 6th. 会议在五日"


def _said(quote: str, **changes: str | None) -> SaidEvent:
    fields: dict[str, object] = {"description": "x", "quote": quote, "confidence": 1}
    empty = dict.fromkeys(("local_date", "local_time", "weekday", "zone"))
    return SaidEvent.model_validate(fields | empty | changes)


def _held(said: SaidEvent, email: str = EMAIL) -> list[ExtractedEvent]:
    (held,) = believed([EmailEvents(events=[said])], email, UTC, SENT)
    return held


def _event(description: str, evidence: str, day: int = 6) -> ExtractedEvent:
    return ExtractedEvent(
        description=description,
        event_time=date(2026, 6, day),
        confidence=0.5,
        evidence=evidence,
    )


def test_quote_gives_the_day_that_the_model_did_not() -> None:
    """Only the words are needed; what follows from them is worked out."""
    (event,) = _held(_said("on Friday at 19:30", local_time="19:30"))
    assert event.event_time == datetime(2026, 6, 5, 19, 30, tzinfo=UTC)


@pytest.mark.parametrize("quote", ["the fair", "会议", "19:30", "\u201con June 6th\u201d"])
def test_words_of_the_email(quote: str) -> None:
    """A short quote is one, in any alphabet."""
    assert len(_held(_said(quote, local_date="2026-06-06"))) == 1


@pytest.mark.parametrize("quote", ["at", "a", "会", "fair was", "...", "June 7th"])
def test_no_words_of_the_email(quote: str) -> None:
    """What stands in every email, or not in this one, proves nothing."""
    assert _held(_said(quote, local_date="2026-06-06")) == []


def test_evidence_leads_nowhere() -> None:
    """An address that the email itself brings is not carried on."""
    email = "Meet at https://evil.example/x on June 6th"
    (event,) = _held(_said(email, local_date="2026-06-06"), email)
    assert event.evidence == "Meet at on June 6th"


def test_same_event_in_two_parts() -> None:
    """Described alike, or resting on the same words, at the same moment."""
    first = _event("Fair", "The fair is on June 6th")
    again = [_event("FAIR", "fair"), _event("Visit the fair", "fair is on June 6th.")]
    other = [_event("Fair", "fair", day=7), _event("Market", "market day")]
    assert once([[first], [*again, *other]]) == [first, *other]


def test_two_events_of_the_same_words_in_one_part() -> None:
    """Lunch and a walk on Friday are two."""
    both = [_event("Lunch", "lunch and a walk"), _event("Walk", "lunch and a walk")]
    assert once([[*both, _event("lunch", "lunch")]]) == both
    assert once([both, [_event("A meal", "lunch")]]) == both
