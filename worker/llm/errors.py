"""What follows from a call that failed: one table for HTTP statuses, one for broken connections.

The SDK's own classes are no use here: its aiohttp transport reports a refused connection as a
timeout. What tells them apart is the chain of causes underneath.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import aiohttp
import httpx2
from pydantic_core import from_json

from shared.enums import FailureReason
from worker.errors import Halt, JobError, Reject, Retryable, Snooze

MAX_RETRY_AFTER_S = 120.0
_SHOWN_CHARS = 300
_SHORTEST_SECRET = 4  # a shorter one hides nothing and would riddle the message
_SECONDS = re.compile(r"\d+(\.\d+)?")
# Validation errors of common servers repeat the request, which is private.
_REPEATED_INPUT = re.compile(r"input_value=|['\"]input['\"]\s*:")
_PROMPT_PARAMS = frozenset({"input_tokens", "input_text"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call went. `secret` is never shown, not even when the server repeats it."""

    url: str
    model: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """A reply that is not a 2xx, as it came; `retry_after` is the header, if there was one."""

    status: int
    body: str = ""
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """What the body of an error says, in any of the common shapes."""

    message: str
    param: str = ""
    code: str = ""


def status_error(reply: ErrorReply, target: Target, now: datetime) -> JobError:
    """Tell what follows from an error status; pure.

    Args:
        reply: any status at all; 2xx never comes here, and would be a passing oddity.
        target: names the model and the address in messages for a person.
        now: aware; what a date in `Retry-After` is counted from.
    """
    by_class = _refused if 400 <= reply.status <= 499 else _passing
    return _STATUS.get(reply.status, by_class)(reply, target, now)


def transport_error(error: BaseException, timeout_s: float, target: Target) -> JobError:
    """Tell what follows from a call that brought no whole reply; pure."""
    shown = _shown(_deepest_message(error), target)
    for link in _causes(error):
        if isinstance(link, (TimeoutError, httpx2.ReadTimeout)):
            return Retryable(f"no answer from the model within {timeout_s:g} s")
        if isinstance(link, (httpx2.InvalidURL, httpx2.UnsupportedProtocol)):
            return Halt(f"LLM_BASE_URL={target.url}: no usable address")
        if isinstance(link, _AWAY):
            message = f"the model server at {target.url} cannot be reached: {shown}"
            return Snooze(message, suspect=_was_connected(error))
        if isinstance(link, _BROKEN):
            return Retryable(f"the model server's reply broke off: {shown}")
    return Retryable(f"the call to the model failed: {shown}")


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a `Retry-After` header (seconds or an HTTP date), 0 to 120."""
    if header is None:
        return None
    header = header.strip()
    if _SECONDS.fullmatch(header):
        return min(float(header), MAX_RETRY_AFTER_S)
    try:
        then = parsedate_to_datetime(header)
    except ValueError:
        return None
    wait = then.replace(tzinfo=then.tzinfo or UTC) - now
    return min(max(wait.total_seconds(), 0.0), MAX_RETRY_AFTER_S)


# ---------------------------------------------------------------------------------- statuses


def _bad_request(reply: ErrorReply, target: Target, now: datetime) -> JobError:
    said = _said(reply.body)
    if said.param in _PROMPT_PARAMS or said.code == "context_length_exceeded":
        shown = _shown(said.message, target)
        return Reject(
            FailureReason.MODEL_REFUSED, f"the prompt is too long for {target.model}: {shown}"
        )
    return _refused(reply, target, now)


def _bad_key(reply: ErrorReply, target: Target, now: datetime) -> JobError:
    # Servers like to repeat the key they were given: nothing of the body is shown.
    del now
    return Halt(
        f"the model server at {target.url} does not accept the key ({reply.status}):"
        " check LLM_API_KEY"
    )


def _not_found(reply: ErrorReply, target: Target, now: datetime) -> JobError:
    del now
    said = _said(reply.body)
    if target.model and (said.param == "model" or target.model in said.message):
        return Halt(
            f"the model server at {target.url} has no model {target.model!r}:"
            " check LLM_TEXT_MODEL and LLM_VISION_MODEL"
        )
    return Halt(f"there is no model API at {target.url} (404): check LLM_BASE_URL")


def _refused(reply: ErrorReply, target: Target, now: datetime) -> JobError:
    del now
    return Reject(FailureReason.MODEL_REFUSED, _line(reply, target))


def _passing(reply: ErrorReply, target: Target, now: datetime) -> JobError:
    del now
    return Retryable(_line(reply, target))


def _away(reply: ErrorReply, target: Target, now: datetime) -> JobError:
    return Snooze(_line(reply, target), after_s=retry_after_s(reply.retry_after, now))


_STATUS: dict[int, Callable[[ErrorReply, Target, datetime], JobError]] = {
    400: _bad_request,
    401: _bad_key,
    403: _bad_key,
    404: _not_found,
    408: _passing,
    409: _passing,
    425: _passing,
    429: _away,
    502: _away,  # a proxy without a server behind it
    503: _away,
    504: _away,
}


# ------------------------------------------------------------------------------- connections

_AWAY = (
    httpx2.ConnectError,
    httpx2.TimeoutException,  # ConnectTimeout is what refused, reset and unresolved look like
    httpx2.ProxyError,
)
# ClientError: the transport does not translate a reply that is no HTTP.
_BROKEN = (httpx2.NetworkError, httpx2.ProtocolError, httpx2.DecodingError, aiohttp.ClientError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _was_connected(error: BaseException) -> bool:
    """Whether the server took the request and went away over it, as one that crashes does."""
    links = list(_causes(error))
    if any(isinstance(link, aiohttp.ClientConnectorError) for link in links):
        return False
    return any(
        isinstance(link, (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError))
        for link in links
    )


def _deepest_message(error: BaseException) -> str:
    *_, deepest = _causes(error)
    return str(deepest) or type(deepest).__name__


# ---------------------------------------------------------------------------------- messages


def _line(reply: ErrorReply, target: Target) -> str:
    shown = _shown(_said(reply.body).message, target)
    return (
        f"the model server answered {reply.status}: {shown}"
        if shown
        else (f"the model server answered {reply.status}")
    )


def _said(body: str) -> _Said:
    try:
        value: Any = from_json(body)
    except ValueError:
        return _Said(body)
    if isinstance(value, dict) and isinstance(cast("Any", value).get("error"), (dict, str)):
        value = cast("Any", value)["error"]
    if not isinstance(value, dict):
        return _Said(str(value))
    parts = cast("dict[str, Any]", value)
    message = parts.get("message") or parts.get("detail") or ""
    return _Said(str(message), str(parts.get("param")), str(parts.get("code")))


def _shown(text: str, target: Target) -> str:
    """One printable line of a foreign text: no key, no repeated request, not long."""
    if len(target.secret) >= _SHORTEST_SECRET:
        text = text.replace(target.secret, "***")
    text = " ".join(_REPEATED_INPUT.split(text, maxsplit=1)[0].split())
    cut = text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut
    )
