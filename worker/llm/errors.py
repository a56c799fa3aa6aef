"""Which cause a failed call has: from its HTTP status and body, or from a broken connection.

What follows from each cause stands in `worker.llm.causes`.

The SDK's own classes are no use here: its aiohttp transport reports a refused connection as a
timeout. What tells them apart is the chain of causes underneath.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import aiohttp
import httpx2
from pydantic_core import from_json

from worker.broken_connections import why_broken
from worker.errors import JobError
from worker.llm.causes import Cause, http_cause, job_error

MAX_RETRY_AFTER_S = 120.0
_SHOWN_CHARS = 300
_SHORTEST_SECRET = 4  # a shorter one hides nothing and would riddle the message
_SECONDS = re.compile(r"\d+(\.\d+)?")
# Validation errors of common servers repeat the request, which is private.
_REPEATED_INPUT = re.compile(r"input_value=|['\"]input['\"]\s*:")
_SEARCHED_CHARS = 2_000
_READ_CHARS = 65_536
"""So much of a body is read: it says what is wrong in its first words, and must not hold us up."""
_PROMPT_PARAMS = frozenset({"input_tokens", "input_text"})


class ReplyTooLong(httpx2.ReadError):
    """A reply that is longer than any answer can be; it was not read to its end."""


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
    said = _said(reply.body)
    if reply.status in _PROMPT_STATUSES and _is_too_long(said):
        shown = _shown(said.message, target)
        return job_error(
            Cause.CONTEXT_TOO_LONG, f"the prompt is too long for {target.model}: {shown}"
        )
    if reply.status in _REFUSAL_STATUSES and _is_refusal(said):
        shown = _shown(said.message, target)
        return job_error(Cause.REFUSED, f"the model server will not have this input: {shown}")
    if reply.status == 404 and target.model and _names_model(said, target):
        return unknown_model(target.url, target.model)
    message = _SETTINGS.get(reply.status)
    if message is not None:
        # Servers like to repeat the key they were given: nothing of the body is shown.
        text = f"the model server at {target.url} {message} ({reply.status})"
    else:
        text = _line(reply, target)
    after_s = retry_after_s(reply.retry_after, now)
    return job_error(http_cause(reply.status), text, after_s=after_s)


def unknown_model(url: str, model: str) -> JobError:
    """What follows when a server has no model of this name."""
    return job_error(
        Cause.UNKNOWN_MODEL,
        f"the model server at {url} has no model {model!r}:"
        " check LLM_TEXT_MODEL and LLM_VISION_MODEL, or what the server was started with",
    )


def transport_error(error: BaseException, timeout_s: float, target: Target) -> JobError:
    """Tell what follows from a call that brought no whole reply; pure."""
    shown = _shown(_deepest_message(error), target)
    for link in _causes(error):
        if isinstance(link, ReplyTooLong):
            return job_error(Cause.OVERSIZED_REPLY, str(link))
        if isinstance(link, (TimeoutError, httpx2.ReadTimeout)):
            message = f"no answer from the model server at {target.url} within {timeout_s:g} s"
            return job_error(Cause.TIMEOUT, message)
        if isinstance(link, (httpx2.InvalidURL, httpx2.UnsupportedProtocol)):
            return job_error(Cause.BAD_ADDRESS, f"LLM_BASE_URL={target.url}: no usable address")
        if isinstance(link, _AWAY):
            why = why_broken(error) or shown
            message = f"the model server at {target.url} cannot be reached: {why}"
            return job_error(Cause.CONNECTION_ERROR, message, suspect=_was_connected(error))
        if isinstance(link, _BROKEN):
            return job_error(Cause.BROKEN_REPLY, f"the model server's reply broke off: {shown}")
    return job_error(Cause.BROKEN_REPLY, f"the call to the model failed: {shown}")


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a `Retry-After` header (seconds or an HTTP date), 0 to 120."""
    if header is None:
        return None
    header = header.strip()
    if _SECONDS.fullmatch(header):
        return min(float(header), MAX_RETRY_AFTER_S)
    try:
        then = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    wait = then.replace(tzinfo=then.tzinfo or UTC) - now
    return min(max(wait.total_seconds(), 0.0), MAX_RETRY_AFTER_S)


# ---------------------------------------------------------------------------------- statuses

_SETTINGS = {
    401: "does not accept the key: check LLM_API_KEY, or its api_key in LLM_FALLBACKS",
    402: "wants to be paid first: the account has no credit",
    403: "does not let this key in: check LLM_API_KEY and LLM_PROVIDER",
    404: "has no model API at this address: check LLM_BASE_URL and LLM_PROVIDER",
    405: "has no model API at this address: check LLM_BASE_URL",
    407: "stands behind a proxy that wants a login",
    410: "no longer has what is asked for: check LLM_BASE_URL and the models",
} | dict.fromkeys(range(300, 400), "sends elsewhere: set LLM_BASE_URL to where it really is")
_PROMPT_STATUSES = frozenset({400, 413, 422})
# A gateway's moderation says 403, which must not pass for a wrong key: one email would stop us.
_REFUSAL_STATUSES = frozenset({400, 403, 422})
_REFUSAL = re.compile(r"content[_ ](filter|policy)|moderation|flagged", re.IGNORECASE)
_TOO_LONG_CODES = frozenset({"context_length_exceeded", "string_above_max_length"})
# vLLM and OpenAI say so in a field; the others in words only.
_TOO_LONG = re.compile(
    r"context (length|window|size)|maximum context|prompt is too long|too many (input )?tokens"
    r"|exceeds? the (maximum|available|limit)[^.]{0,40}(token|context)",
    re.IGNORECASE,
)


def _is_too_long(said: "_Said") -> bool:
    return (
        said.param in _PROMPT_PARAMS
        or said.code in _TOO_LONG_CODES
        or bool(_TOO_LONG.search(said.message[:_SEARCHED_CHARS]))
    )


def _is_refusal(said: "_Said") -> bool:
    return bool(_REFUSAL.search(f"{said.code} {said.message[:_SEARCHED_CHARS]}"))


def _names_model(said: "_Said", target: Target) -> bool:
    return said.param == "model" or target.model in said.message


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
    body = body[:_READ_CHARS]
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
    text = text[:_SEARCHED_CHARS]
    text = " ".join(_REPEATED_INPUT.split(text, maxsplit=1)[0].split())
    cut = text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut
    )
