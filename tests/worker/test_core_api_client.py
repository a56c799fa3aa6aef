"""Core as it is spoken to: paths, headers, bodies, and what every kind of answer means."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aioresponses import aioresponses

from shared.enums import JobStatus
from shared.schemas import EventCreate, LLMJobUpdate, TagsAddRequest
from worker.core_api_client import CoreApiClient
from worker.errors import Halt, JobError, Reject, Retryable, Snooze
from worker.outcome import AddTags, CreateEvent

TOKEN = "core-secret-token"
DONE = LLMJobUpdate(status=JobStatus.COMPLETED, result={"a": "ü"})

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Core:
    """A server that writes down what it is asked and answers as it is told."""

    answer: Answer
    asked: list[tuple[str, str, bytes]] = field(default_factory=list[tuple[str, str, bytes]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note it, answer it."""
        self.asked.append((request.method, request.raw_path, await request.read()))
        self.headers.append(dict(request.headers))
        return await self.answer(request)


def _always(answer: web.Response) -> Answer:
    async def same(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    return same


@asynccontextmanager
async def _core(
    answer: web.Response | Answer,
    *,
    token: str = "",
    timeout_s: float = 10,
) -> AsyncGenerator[tuple[CoreApiClient, Core]]:
    core = Core(_always(answer) if isinstance(answer, web.Response) else answer)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", core.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    client = CoreApiClient(url, token=token, timeout_s=timeout_s)
    try:
        yield client, core
    finally:
        await client.close()
        await runner.cleanup()


async def _error(answer: web.Response, *, token: str = "") -> JobError:
    async with _core(answer, token=token) as (client, _):
        with pytest.raises(JobError) as caught:
            await client.finish("j", DONE, key="k")
    return caught.value


@pytest.mark.parametrize(
    ("job_id", "path"),
    [
        ("7f3", "/api/llm_jobs/7f3"),
        ("a%2Fb", "/api/llm_jobs/a%252Fb"),
        ("ü", "/api/llm_jobs/%C3%BC"),
        ("a:b", "/api/llm_jobs/a:b"),
        ("a+b&c;d=e", "/api/llm_jobs/a%2Bb&c;d=e"),
        ("..x", "/api/llm_jobs/..x"),
        ("%2e%2e", "/api/llm_jobs/%252e%252e"),
    ],
)
async def test_ids_stay_one_part_of_the_path(job_id: str, path: str) -> None:
    """Whatever an id holds, it names this record and no other."""
    async with _core(web.Response()) as (client, core):
        await client.mark_processing(job_id)
    assert core.asked == [("PATCH", path, b'{"status":"processing"}')]


async def test_the_last_word_is_sent_with_its_key() -> None:
    """Only the fields that are set, as JSON, and the key that makes a repeat harmless."""
    async with _core(web.Response(status=204), token=TOKEN) as (client, core):
        await client.finish("j", DONE, key="j:completed")
    assert core.asked == [
        ("PATCH", "/api/llm_jobs/j", '{"status":"completed","result":{"a":"ü"}}'.encode())
    ]
    assert core.headers[0]["Idempotency-Key"] == "j:completed"
    assert core.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert core.headers[0]["Content-Type"] == "application/json"


async def test_without_a_token_there_is_no_header() -> None:
    """`Bearer ` with nothing behind it is refused by many servers; reads carry no key."""
    async with _core(web.json_response([])) as (client, core):
        assert await client.open_tasks(42) == []
    assert core.asked == [("GET", "/api/tasks?owner_user_id=42&state=NOT_DONE", b"")]
    assert not {"Authorization", "Idempotency-Key", "Content-Type"} & set(core.headers[0])


async def test_effects_are_the_promised_requests() -> None:
    """Tags and events, each with its key and the body the README shows."""
    event = {"owner_user_id": 1, "event_time": "2026-06-01", "description": "x"}
    async with _core(web.Response(status=201)) as (client, core):
        await client.apply(AddTags(memory_id="m%1", body=TagsAddRequest(tags=["a"])), key="j:0")
        await client.apply(CreateEvent(body=EventCreate.model_validate(event)), key="j:1")
    assert [(method, path, json.loads(body)) for method, path, body in core.asked] == [
        ("POST", "/api/memories/m%251/tags", {"tags": ["a"], "status": "suggested"}),
        ("POST", "/api/events", event | {"source_type": "email"}),
    ]
    assert [headers["Idempotency-Key"] for headers in core.headers] == ["j:0", "j:1"]


@pytest.mark.parametrize(
    ("status", "kind"), [(404, Reject), (409, Reject), (422, Reject), (500, Retryable), (401, Halt)]
)
async def test_an_answer_becomes_an_error_with_cores_words(
    status: int, kind: type[JobError]
) -> None:
    """What was asked, what came back, and Core's reason on one line."""
    error = await _error(web.json_response({"detail": "no\nsuch job"}, status=status))
    assert type(error) is kind
    assert str(error).startswith(f"Core answered {status} to PATCH /llm_jobs/j: ")
    assert "such job" in str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """A PATCH that turns into a GET elsewhere would look like a delivery."""
    answer = web.Response(status=status, headers={"Location": "/elsewhere"})
    async with _core(answer, token=TOKEN) as (client, core):
        with pytest.raises(Retryable, match=f"Core answered {status}"):
            await client.finish("j", DONE, key="k")
        await client.ping()
    assert [path for _, path, _ in core.asked] == ["/api/llm_jobs/j", "/api/health"]


async def test_a_wait_that_core_asks_for_arrives() -> None:
    """The header's way from the wire into the error."""
    error = await _error(web.Response(status=503, headers={"Retry-After": "17"}))
    assert isinstance(error, Snooze)
    assert error.after_s == 17


@pytest.mark.parametrize("name", ["mark_processing", "open_tasks", "ping"])
async def test_an_absent_core_costs_no_attempt(name: str) -> None:
    """A refused connection is an outage, not the job's fault."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = CoreApiClient(f"http://127.0.0.1:{port}", token=TOKEN)
    try:
        call: Callable[..., Awaitable[object]] = getattr(client, name)
        with pytest.raises(
            Snooze, match=f"Core at http://127.0.0.1:{port} cannot be reached: connection refused"
        ) as caught:
            await call(*() if name == "ping" else ("1",))
    finally:
        await client.close()
    assert TOKEN not in str(caught.value)


async def test_a_silent_core_costs_no_attempt() -> None:
    """It has the connection and says nothing."""

    async def silent(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with _core(silent, timeout_s=0.05) as (client, _):
        with pytest.raises(Snooze, match=r"did not answer within 0\.05 s"):
            await client.finish("j", DONE, key="k")


async def test_an_answer_that_breaks_off_is_an_outage() -> None:
    """Half a body is none."""

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"[")
        assert request.transport is not None
        request.transport.close()
        return response

    async with _core(half) as (client, _):
        with pytest.raises(Snooze, match="cannot be reached: the connection broke off"):
            await client.open_tasks(1)


async def test_a_long_list_is_read_to_its_end() -> None:
    """It comes in many pieces, and all of them count."""
    task = {"id": "t", "description": "x" * 500, "owner_user_id": 1}
    async with _core(web.json_response([task] * 2_000)) as (client, _):
        assert len(await client.open_tasks(1)) == 2_000


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(text="<html><body>login</body></html>", content_type="text/html"),
        web.json_response({"tasks": []}),
        web.json_response([{"id": "t"}]),
        web.Response(body=b"\xff\xfe\x00"),
        web.Response(body=b" " * (5 << 20)),
    ],
    ids=["html", "object", "half", "bytes", "huge"],
)
async def test_a_list_that_is_none_may_be_one_next_time(answer: web.Response) -> None:
    """A proxy's login page costs an attempt, not the worker, and is not quoted."""
    async with _core(answer) as (client, _):
        with pytest.raises(Retryable, match="list of tasks is not one") as caught:
            await client.open_tasks(1)
    assert "login" not in str(caught.value)


async def test_huge_and_hostile_words_become_one_short_line() -> None:
    """Whatever Core or a proxy writes cannot break a log line or fill it."""
    error = await _error(web.Response(status=500, body=b"a\r\n\x1b[31m\xff" + b"x" * (6 << 20)))
    assert str(error).isprintable()
    assert len(str(error)) < 300
    assert "a ?[31m" in str(error)


@pytest.mark.parametrize("status", [400, 401, 422, 500, 503])
async def test_the_token_is_never_repeated(status: int) -> None:
    """Not even when Core does: messages go into logs, dead letters and to Core."""
    said = web.Response(status=status, text=f"bad header: Authorization: Bearer {TOKEN}")
    error = await _error(said, token=TOKEN)
    assert TOKEN not in str(error)
    assert "Bearer ***" in str(error)


@pytest.mark.parametrize(("status", "alive"), [(200, True), (404, True), (401, True), (503, False)])
async def test_any_answer_below_500_is_a_sign_of_life(status: int, alive: bool) -> None:
    """Not every Core has a `/health`."""
    async with _core(web.Response(status=status)) as (client, _):
        if alive:
            await client.ping()
        else:
            with pytest.raises(Snooze, match="answered 503"):
                await client.ping()


async def test_an_address_that_is_none_stops_the_worker() -> None:
    """No retry mends `CORE_API_URL`."""
    client = CoreApiClient("http://core:port")
    try:
        with pytest.raises(Halt, match="CORE_API_URL"):
            await client.mark_processing("j")
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError("reset"), Snooze),
        (aiohttp.ServerDisconnectedError(), Snooze),
        (aiohttp.ClientPayloadError(), Snooze),
        (aiohttp.ServerTimeoutError(), Snooze),
        (aiohttp.InvalidURL("http://core:port"), Halt),
    ],
)
async def test_a_call_is_one_request(error: Exception, kind: type[JobError]) -> None:
    """Retries are the caller's; one that hides in here would double every effect."""
    client = CoreApiClient("http://core")
    try:
        with aioresponses() as mocked:
            cast("Any", mocked).patch("http://core/llm_jobs/j", exception=error, repeat=True)
            with pytest.raises(kind):
                await client.mark_processing("j")
            [calls] = mocked.requests.values()
            assert len(calls) == 1
    finally:
        await client.close()
