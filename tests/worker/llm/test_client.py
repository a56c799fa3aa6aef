"""OpenAIChat against real sockets: what goes out, and what every kind of broken server means."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses

from shared.enums import FailureReason
from worker.errors import Halt, JobError, Reject, Retryable, Snooze
from worker.llm.chat import LLM, ChatRequest, Completion, ModelRole, PreparedImage, Prompt
from worker.llm.client import OpenAIChat

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEY = "sk-test-key-123"
MODELS = {ModelRole.TEXT: "mistral", ModelRole.VISION: "llava"}
GOOD = {
    "choices": [{"message": {"content": '{"a":1}'}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2},
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _request(timeout_s: float = 20.0, request_id: str = "job-1") -> ChatRequest:
    return ChatRequest(Prompt("sys", "user"), "tags", {"type": "object"}, 50, timeout_s, request_id)


@asynccontextmanager
async def _chat(base_url: str) -> AsyncGenerator[OpenAIChat]:
    chat = OpenAIChat(base_url, KEY, MODELS, 4, lambda: NOW)
    try:
        yield chat
    finally:
        await chat.close()


@asynccontextmanager
async def _serving(handler: Handler) -> AsyncGenerator[OpenAIChat]:
    """A client of an HTTP server whose every path is `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server, _chat(str(server.make_url("/v1"))) as chat:
        yield chat


@asynccontextmanager
async def _talking(talk: Talk) -> AsyncGenerator[OpenAIChat]:
    """A client of a server that reads one request and then does what `talk` says."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            await reader.readexactly(length)
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with _chat(f"http://127.0.0.1:{port}/v1") as chat:
            yield chat
    finally:
        server.close()
        await server.wait_closed()


async def _failure(chat: LLM, timeout_s: float = 20.0) -> JobError:
    with pytest.raises(JobError) as caught:
        await chat.complete(_request(timeout_s))
    assert KEY not in str(caught.value)
    return caught.value


def _answering(status: int, **response: Any) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, **response)

    return answer


async def test_one_call_from_end_to_end() -> None:
    """The path, the headers, the body, and the completion that comes of it."""
    seen: list[tuple[web.Request, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request, await request.json()))
        return web.json_response(GOOD)

    async with _serving(answer) as chat:
        assert await chat.complete(_request()) == Completion('{"a":1}', "stop", 7, 2)
    ((request, body),) = seen
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Request-Id"] == "job-1"
    assert request.headers["Accept-Encoding"] == "identity"
    assert body["model"] == "mistral"
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}


async def test_a_picture_goes_to_the_vision_model() -> None:
    """The role of the prompt picks the model."""
    bodies: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.json_response(GOOD)

    prompt = Prompt("s", "u", PreparedImage(b"x" * 300_000, "image/jpeg", 1, 1))
    async with _serving(answer) as chat:
        await chat.complete(ChatRequest(prompt, "tags", {}, 50, 20.0))
    assert bodies[0]["model"] == "llava"
    assert bodies[0]["messages"][1]["content"][1]["image_url"]["url"].startswith("data:image/jpeg")


@pytest.mark.parametrize("request_id", ["größe", "a\u202eb", "x" * 200, "%", '"'])
async def test_any_job_id_fits_into_the_header(request_id: str) -> None:
    """Job ids are free text; a header is not."""
    async with _serving(_answering(200, body=b'{"choices": []}')) as chat:
        with pytest.raises(Retryable, match="choices"):
            await chat.complete(_request(request_id=request_id))


async def test_calls_share_a_connection() -> None:
    """The pool keeps a connection for the next call."""
    ports: set[object] = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return web.json_response(GOOD)

    async with _serving(answer) as chat:
        for _ in range(3):
            await chat.complete(_request())
    assert len(ports) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_no_call_is_made_twice(status: int) -> None:
    """The queue retries, and it alone."""
    calls: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=status)

    async with _serving(answer) as chat:
        await _failure(chat)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("header", "wait"), [("7", 7.0), ("Mon, 04 May 2026 12:00:30 GMT", 30.0), ("9999", 120.0)]
)
async def test_overload_waits_as_long_as_the_server_says(header: str, wait: float) -> None:
    """Both forms of Retry-After, capped."""
    async with _serving(_answering(503, headers={"Retry-After": header}, text="full")) as chat:
        error = await _failure(chat)
    assert isinstance(error, Snooze)
    assert (error.after_s, str(error)) == (wait, "the model server answered 503: full")


async def test_statuses_reach_the_table() -> None:
    """A refused key, an unknown model and an over-long prompt, each with its own words."""
    async with _serving(_answering(401, text=f"bad key {KEY}")) as chat:
        assert "LLM_API_KEY" in str(await _failure(chat))
    unknown = '{"error": {"message": "The model `mistral` does not exist.", "param": "model"}}'
    async with _serving(_answering(404, text=unknown)) as chat:
        assert isinstance(await _failure(chat), Halt)
    too_long = '{"error": {"message": "too many tokens", "param": "input_tokens"}}'
    async with _serving(_answering(400, text=too_long)) as chat:
        error = await _failure(chat)
    assert isinstance(error, Reject)
    assert error.reason is FailureReason.MODEL_REFUSED
    assert "too long for mistral" in str(error)


@pytest.mark.parametrize("status", [200, 204])
async def test_a_page_instead_of_an_answer_may_pass(status: int) -> None:
    """A proxy's page with 200, or nothing at all, fails this try only."""
    page = None if status == 204 else "<html>Welcome</html>"
    async with _serving(_answering(status, text=page, content_type="text/html")) as chat:
        error = await _failure(chat)
    assert isinstance(error, Retryable)
    assert "cannot be read" in str(error)


async def test_redirects_are_not_followed() -> None:
    """Private text goes to the configured address or nowhere."""
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with _serving(answer) as chat:
        assert isinstance(await _failure(chat), Retryable)
    assert paths == ["/v1/chat/completions"]


@pytest.mark.parametrize("status", [200, 500])
async def test_an_endless_reply_is_broken_off(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body has a cap, whatever its status, and the server notices that nobody listens."""
    monkeypatch.setattr("worker.llm.client.MAX_REPLY_BYTES", 200_000)
    gone = asyncio.Event()

    async def babble(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        finally:
            gone.set()

    async with _serving(babble) as chat:
        error = await _failure(chat)
        await gone.wait()
    assert isinstance(error, Retryable)
    assert "longer than 200000 bytes" in str(error)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model server is reached directly."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with _serving(_answering(200, body=b'{"data": [{"id": "mistral"}]}')) as chat:
        assert await chat.models() == ["mistral"]


async def test_models_fail_like_calls() -> None:
    """`check` and `/ready` get the same four errors."""
    async with _serving(_answering(404)) as chat:
        with pytest.raises(Halt, match="LLM_BASE_URL"):
            await chat.models()
    async with _serving(_answering(200, text="<html>")) as chat:
        with pytest.raises(Retryable, match="cannot be read"):
            await chat.models()


# ----------------------------------------------------------------------------- broken servers


async def test_a_refused_connection_means_the_server_is_away() -> None:
    """No attempt is spent on a server that does not run, and the message names the address."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        async with _chat(url) as chat:
            error = await _failure(chat)
    assert isinstance(error, Snooze)
    assert "cannot be reached" in str(error)
    assert url in str(error)


async def test_a_reset_before_the_answer_means_the_server_is_away() -> None:
    """A server that dies takes its connections with it."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with _talking(reset) as chat:
        assert isinstance(await _failure(chat), Snooze)


async def test_a_close_before_the_answer_means_the_server_is_away() -> None:
    """The polite form of the same."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with _talking(close) as chat:
        assert isinstance(await _failure(chat), Snooze)


async def test_silence_ends_with_the_timeout_and_frees_the_server() -> None:
    """One total for the call; closing the connection is what makes the server stop working."""
    gone = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    async with _talking(stall) as chat:
        error = await _failure(chat, timeout_s=0.2)
        await gone.wait()
    assert isinstance(error, Retryable)
    assert str(error) == "no answer from the model within 0.2 s"


async def test_a_cancelled_call_frees_the_server() -> None:
    """Cancellation is passed on, not turned into an error."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        gone.set()

    async with _talking(stall) as chat:
        call = asyncio.create_task(chat.complete(_request()))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await gone.wait()


async def test_half_a_body_may_pass() -> None:
    """A reply that breaks off is a failed try."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"choices": [')
        await writer.drain()

    async with _talking(half) as chat:
        error = await _failure(chat)
    assert isinstance(error, Retryable)
    assert "broke off" in str(error)


async def test_no_http_at_all_is_a_job_error() -> None:
    """Something else listens there."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()

    async with _talking(greet) as chat:
        assert isinstance(await _failure(chat), Retryable | Snooze)


async def test_a_connection_closed_while_idle_costs_no_attempt() -> None:
    """A server may drop a kept connection without a word: the next call works or is snoozed."""
    body = b'{"choices":[{"message":{"content":"{}"},"finish_reason":"stop"}]}'
    closed = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with _talking(once) as chat:
        for _ in range(4):
            closed.clear()
            try:
                await chat.complete(_request())
            except Snooze:
                continue
            await closed.wait()


@pytest.mark.parametrize(
    "cause",
    [
        aiohttp.ClientConnectionError("Name or service not known"),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(104, "Connection reset by peer"),
        aiohttp.ConnectionTimeoutError("Connection timeout"),
    ],
)
async def test_failures_below_http_mean_the_server_is_away(cause: Exception) -> None:
    """What sockets cannot easily be made to do: an unknown name, a connect that hangs."""
    async with _chat("http://llm.test/v1") as chat:
        with aioresponses() as mocked:
            url = "http://llm.test/v1/chat/completions"
            cast("Any", mocked).add(url, "POST", exception=cause)  # its stub has gaps
            assert isinstance(await _failure(chat), Snooze)


@pytest.mark.parametrize(
    ("url", "key", "setting"),
    [
        ("http://127.0.0.1:1/v1", "schlüssel", "LLM_API_KEY"),
        ("http://127.0.0.1:1/v1", "two\nlines", "LLM_API_KEY"),
        ("http://127.0.0.1:port/v1", KEY, "LLM_BASE_URL"),
        ("http://user:hidden@127.0.0.1:1/v1", KEY, "LLM_BASE_URL"),
        ("localhost:8080/v1", KEY, "LLM_BASE_URL"),
        ("http:///v1", KEY, "LLM_BASE_URL"),
        ("", KEY, "LLM_BASE_URL"),
    ],
)
def test_settings_that_cannot_work_halt_at_once(url: str, key: str, setting: str) -> None:
    """A client that could never call is not made, and the message shows no secret."""
    with pytest.raises(Halt, match=setting) as caught:
        OpenAIChat(url, key, MODELS, 1)
    assert key not in str(caught.value)
    assert "hidden" not in str(caught.value)
