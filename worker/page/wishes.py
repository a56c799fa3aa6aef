"""What a viewer asks for, read from a query or a form; what cannot be is a refusal. Pure."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from shared.enums import FailureReason, JobType
from worker.operations.finding import is_entry_id
from worker.operations.graveyard import Wanted
from worker.page.answers import Refusal

TEXT_CHARS = 200
"""As long as a job's id may be."""


def wanted_letters(said: Mapping[str, str]) -> Wanted | Refusal:
    """Which letters are meant; a type may be one that this version does not know."""
    wanted = Wanted(*(said.get(name, "").strip() for name in ("type", "reason", "id")))
    if max(map(len, (wanted.job_type, wanted.reason, wanted.part))) > TEXT_CHARS:
        return Refusal(400, f"a filter has {TEXT_CHARS} characters at most")
    if wanted.reason and wanted.reason not in set(FailureReason):
        known = ", ".join(FailureReason)
        return Refusal(400, f"{wanted.reason!r} is no reason; there are {known}")
    return wanted


def as_query(wanted: Wanted, **more: str) -> str:
    """The same as a query, with its question mark; empty where there is nothing to ask."""
    said = {"type": wanted.job_type, "reason": wanted.reason, "id": wanted.part} | more
    text = urlencode({name: value for name, value in said.items() if value}, errors="replace")
    return f"?{text}" if text else ""


def starting_at(said: Mapping[str, str], name: str) -> str | Refusal:
    """A letter's id in a query or a form; empty where there is none."""
    text = said.get(name, "").strip()
    if text and not is_entry_id(text):
        return Refusal(400, f"{text[:40]!r} is no letter's id; they look like 1795231272936-0")
    return text


def job_id(said: Mapping[str, str]) -> str | Refusal:
    """A job's or an entry's id; empty where none is asked for."""
    text = said.get("id", "").strip()
    if len(text) > TEXT_CHARS:
        return Refusal(400, f"an id has {TEXT_CHARS} characters at most")
    return text


def job_type(said: Mapping[str, str]) -> str | Refusal:
    """A job type that there is."""
    text = said.get("type", "").strip()
    if text not in set(JobType):
        return Refusal(400, f"{text[:40]!r} is no job type; there are {', '.join(JobType)}")
    return text


def job_query(wanted: str, **more: str) -> str:
    """Which job is meant, as a query."""
    return "?" + urlencode({"id": wanted} | more, errors="replace", quote_via=quote)


def in_words(wanted: Wanted) -> str:
    """A filter as one says it."""
    named = (
        ("of the type", wanted.job_type),
        ("for the reason", wanted.reason),
        ("with an id that contains", wanted.part),
    )
    return " ".join(f"{words} {value}" for words, value in named if value)
