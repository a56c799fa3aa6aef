"""Every call to the Core REST API there is; the only file that knows its paths."""

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit

import aiohttp
from pydantic import TypeAdapter, ValidationError

from shared.enums import JobStatus, TaskState
from shared.schemas import LLMJobUpdate, TaskResponse
from worker.core_errors import Contact, from_answer, from_exception
from worker.errors import Retryable
from worker.outcome import AddTags, CreateEvent, Effect
from worker.tracing import Span, Step, step

_TASKS: TypeAdapter[list[TaskResponse]] = TypeAdapter(list[TaskResponse])
_JOB = "/llm_jobs/{id}"
_ANSWER_MAX_BYTES = 4 << 20
_RETRY_AFTER_MAX_S = 300.0
_CONNECTIONS_MAX = 64
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")
"""What is quoted by leaving it as it is: most job ids, at a fifth of the cost."""

Observed = Callable[[str, str, float], None]
"""Told of each request's end: its route, `ok`, `http_<status>`, `timeout`, `connection_error` or
`cancelled`, and the seconds it took; returns at once and never raises."""


class CoreApiClient:
    """Core, as the worker speaks to it. Retries are the caller's: each method is one request."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        timeout_s: float = 10.0,
        observed: Observed = lambda _route, _outcome, _seconds: None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._server, self._port = _address(base_url)
        self._contact = Contact(base_url, timeout_s, token)
        self._observed = observed
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS_MAX, keepalive_timeout=4),
            headers=headers | {"Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def mark_processing(self, job_id: str) -> None:
        """`PATCH /llm_jobs/{job_id}` with `processing`.

        Raises:
            Retryable, Snooze, Reject, Halt: see `worker.errors`; so for each method here.
        """
        update = LLMJobUpdate(status=JobStatus.PROCESSING)
        body = update.model_dump_json(exclude_unset=True)
        await self._send("PATCH", _job_path(job_id), body, route=_JOB)

    async def finish(self, job_id: str, update: LLMJobUpdate, *, key: str) -> None:
        """`PATCH /llm_jobs/{job_id}` with the last word about a job."""
        body = update.model_dump_json(exclude_unset=True)
        await self._send("PATCH", _job_path(job_id), body, key=key, route=_JOB)

    async def apply(self, effect: Effect, *, key: str) -> None:
        """Carry out one effect of an outcome."""
        match effect:
            case AddTags():
                path = f"/memories/{quote(effect.memory_id, safe='')}/tags"
                route = "/memories/{id}/tags"
            case CreateEvent():
                path = route = "/events"
        await self._send("POST", path, effect.body.model_dump_json(), key=key, route=route)

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """The user's tasks that are not done."""
        path = f"/tasks?owner_user_id={user_id}&state={TaskState.NOT_DONE}"
        body = await self._send("GET", path, route="/tasks")
        try:
            return _TASKS.validate_json(body)
        except ValidationError as error:
            message = f"Core's list of tasks is not one ({error.error_count()} errors)"
            raise Retryable(message) from None

    async def ping(self) -> None:
        """Whether Core answers at all: any status below 500 is a sign of life."""
        try:
            url = f"{self._base_url}/health"
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status >= 500:
                    answer = await _read(response.content)
                    raise from_answer(response.status, answer, "GET /health", self._contact)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise from_exception(error, self._contact) from None

    async def _send(
        self, method: str, path: str, body: str | None = None, *, key: str | None = None, route: str
    ) -> bytes:
        with step(
            Step.CORE, method=method, route=route, server=self._server, port=self._port
        ) as span:
            headers, reply = dict(span.headers), _Reply(span)
            if body is not None:
                headers["Content-Type"] = "application/json"
            if key is not None:
                headers["Idempotency-Key"] = key
            started = time.monotonic()
            try:
                return await self._answer(method, path, body, headers, reply)
            finally:
                self._observed(route, reply.ended, time.monotonic() - started)

    async def _answer(
        self, method: str, path: str, body: str | None, headers: dict[str, str], reply: "_Reply"
    ) -> bytes:
        try:
            async with self._session.request(
                method, self._base_url + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                reply.has(response.status)
                answer = await _read(response.content)
                if 200 <= response.status < 300:
                    return answer
                asked = f"{method} {path.partition('?')[0]}"
                wait_s = retry_after_s(response.headers.get("Retry-After"), response.headers)
                raise from_answer(response.status, answer, asked, self._contact, wait_s)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reply.ended = "timeout" if isinstance(error, TimeoutError) else "connection_error"
            raise from_exception(error, self._contact) from None


@dataclass(slots=True)
class _Reply:
    """How a request ends, for who watches it: nobody has answered yet."""

    span: Span
    ended: str = "cancelled"

    def has(self, status: int) -> None:
        """Core has answered."""
        self.span.say(status=status)
        self.ended = "ok" if 200 <= status < 300 else f"http_{status}"


def retry_after_s(value: str | None, headers: Mapping[str, str]) -> float | None:
    """A `Retry-After` header as seconds, at most five minutes.

    A date is held against the answer's own `Date` header: the two clocks need not agree.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            sent = parsedate_to_datetime(headers.get("Date", ""))
            seconds = (parsedate_to_datetime(value) - sent).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), _RETRY_AFTER_MAX_S)


def idempotency_key(job_id: str, *parts: str | int) -> str:
    """A key that is the same on every retry, in the characters any header may hold."""
    return ":".join(map(_quoted, (job_id, *parts)))


def _quoted(part: str | int) -> str:
    text = str(part)
    return text if _PLAIN.fullmatch(text) else quote(text, safe="-_.~")


def _job_path(job_id: str) -> str:
    return f"/llm_jobs/{quote(job_id, safe='')}"


def _address(base_url: str) -> tuple[str, int]:
    """Host and port, as traces tell them."""
    try:
        where = urlsplit(base_url)
        port = where.port or (443 if where.scheme == "https" else 80)
    except ValueError:  # the first request will say so
        return "", 0
    return where.hostname or "", port


async def _read(content: aiohttp.StreamReader) -> bytes:
    """An answer's body, up to a bound: what is cut off there is no JSON any more."""
    body = bytearray()
    async for piece in content.iter_any():  # `read(n)` stops at whatever has arrived
        body += piece
        if len(body) > _ANSWER_MAX_BYTES:
            break
    return bytes(body[:_ANSWER_MAX_BYTES])
