"""What an answer of Core's that is no yes means, or none at all, and how a person is told.

A proxy in front of Core answers for it with pages of HTML: they are not quoted. What keeps all jobs
waiting is told in words that are the same for each of them, so that one outage reads as one.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from shared.enums import FailureReason
from worker.broken_connections import why_broken
from worker.errors import Halt, JobError, Reject, Retryable, Service, Snooze

STATUS_ERRORS: Mapping[int, type[JobError]] = {
    401: Halt,
    403: Halt,
    408: Snooze,
    425: Snooze,
    429: Snooze,
    500: Retryable,
    501: Retryable,
    502: Snooze,
    503: Snooze,
    504: Snooze,
}
"""What a status means; other 4xx are a Reject, anything else is a Retryable."""

_OF_A_PROXY = {
    502: "cannot be reached",
    503: "is not ready",
    504: "does not answer in time",
}
_START = "start Core, or correct CORE_API_URL"
_BEHIND = "look behind the proxy: start Core there, or correct where the proxy looks for it"
_BUSY = "look at the log and the load of Core, and of a proxy in front of it"
_SILENT = "something takes connections there and says nothing: look at Core's log, or restart it"

_PAGE = re.compile(r"\s*<(!doctype|\?xml|html|head|body|title|h1|center)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_READ_BYTES = 1_000
_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Contact:
    """How Core is asked.

    Attributes:
        url: where; who may log in there is never shown.
        timeout_s: how long is waited for an answer.
        token: what must not be repeated, though some servers do repeat what they refuse.
    """

    url: str
    timeout_s: float
    token: str = field(default="", repr=False)

    def __str__(self) -> str:
        scheme, slashes, rest = self.url.rstrip("/").partition("://")
        host, slash, path = rest.partition("/")
        return f"Core at {scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def from_status(status: int, message: str, after_s: float | None = None) -> JobError:
    """The error that an HTTP status of Core's stands for."""
    default: type[JobError] = Reject if 400 <= status < 500 else Retryable
    kind = STATUS_ERRORS.get(status, default)
    if kind is Reject:
        return Reject(FailureReason.CORE_REJECTED, message)
    if kind is Halt:
        return Halt(f"{message}: check CORE_API_TOKEN")
    if kind is Snooze:
        return _away(message, after_s=after_s)
    return Retryable(message, after_s=after_s)


def from_answer(
    status: int, body: bytes, asked: str, contact: Contact, after_s: float | None = None
) -> JobError:
    """The error that an answer stands for which is no yes.

    Args:
        status: the answer's.
        body: what came with it: Core's own words are quoted, short, and a page by its title.
        asked: method and path; left out where all jobs wait for the same.
        contact: who was asked.
        after_s: how long the answer asked to be left alone.
    """
    is_page, said = _said(body, contact.token)
    detail = f": {said}" if said else ""
    if status in _OF_A_PROXY and (is_page or status != 503):  # 503 may be Core's own word
        quoted = "" if is_page else detail  # its title is the status once more
        message = f"{contact} {_OF_A_PROXY[status]}, says a proxy there ({status}){quoted}"
        return _away(message, fix=_BEHIND, after_s=after_s)
    if STATUS_ERRORS.get(status) is Snooze:
        return from_status(status, f"{contact} answered {status}{detail}", after_s)
    return from_status(status, f"Core answered {status} to {asked}{detail}", after_s)


def from_exception(error: Exception, contact: Contact) -> JobError:
    """The error that a request without a whole answer stands for."""
    if isinstance(error, TimeoutError):
        message = f"{contact} did not answer within {contact.timeout_s:g} s"
        return _away(message, fix=_SILENT)
    if isinstance(error, aiohttp.InvalidURL):
        return Halt("CORE_API_URL is not a URL that can be asked")
    return _away(
        f"{contact} cannot be reached: {why_broken(error) or 'the connection failed'}", fix=_START
    )


def _away(message: str, *, fix: str = _BUSY, after_s: float | None = None) -> Snooze:
    """Everybody who needs Core waits."""
    return Snooze(message, service=Service.CORE, after_s=after_s, fix=fix)


def _said(body: bytes, token: str) -> tuple[bool, str]:
    """Whether it is a page, and what it says: printable, short and on one line."""
    text = body[:_READ_BYTES].decode(errors="replace")
    is_page = _PAGE.match(text) is not None
    if is_page:
        title = _TITLE.search(text)
        text = html.unescape(title[1]) if title else ""
    text = " ".join(text.split())
    if token:
        text = text.replace(token, "***")
    return is_page, "".join(char if char.isprintable() else "?" for char in text)[:_SHOWN_CHARS]
