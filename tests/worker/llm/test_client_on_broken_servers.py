"""OpenAIChat and every way in which a server can be broken, on real sockets."""

import asyncio
import socket
import struct
from contextlib import closing
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aioresponses import aioresponses

from tests.worker.llm.model_servers import (
    chat_request,
    chatting,
    failure,
    serving,
    talking,
)
from worker.errors import Retryable, Snooze
from worker.llm.model_http import ModelHttp, Reply


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

    async with serving(babble) as chat:
        error = await failure(chat)
        await gone.wait()
    assert isinstance(error, Retryable)
    assert "longer than 200,000 bytes" in str(error)


async def test_a_refused_connection_means_the_server_is_away() -> None:
    """No attempt is spent on a server that does not run, and the message names the address."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        async with chatting(url) as chat:
            error = await failure(chat)
    assert isinstance(error, Snooze)
    assert "cannot be reached" in str(error)
    assert url in str(error)


async def test_a_reset_before_the_answer_means_the_server_is_away() -> None:
    """A server that dies takes its connections with it."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with talking(reset) as chat:
        assert isinstance(await failure(chat), Snooze)


async def test_a_close_before_the_answer_means_the_server_is_away() -> None:
    """The polite form of the same."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with talking(close) as chat:
        assert isinstance(await failure(chat), Snooze)


async def test_silence_ends_with_the_timeout_and_frees_the_server() -> None:
    """One total for the call; closing the connection is what makes the server stop working."""
    gone = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    async with talking(stall) as chat:
        error = await failure(chat, timeout_s=0.2)
        await gone.wait()
    assert isinstance(error, Retryable)
    assert str(error).startswith("no answer from the model server at http://127.0.0.1:")
    assert str(error).endswith("/v1 within 0.2 s")


async def test_a_cancelled_call_frees_the_server() -> None:
    """Cancellation is passed on, not turned into an error."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        gone.set()

    async with talking(stall) as chat:
        call = asyncio.create_task(chat.complete(chat_request()))
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

    async with talking(half) as chat:
        error = await failure(chat)
    assert isinstance(error, Retryable)
    assert "broke off" in str(error)


async def test_no_http_at_all_is_a_job_error() -> None:
    """Something else listens there."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()

    async with talking(greet) as chat:
        assert isinstance(await failure(chat), Retryable | Snooze)


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), aiohttp.ClientError("?")])
async def test_what_the_transport_does_not_know_is_a_job_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It is the call's end, not the worker's."""

    async def fails(*_: object) -> Reply:
        raise error

    monkeypatch.setattr(ModelHttp, "exchange", fails)
    async with chatting("http://127.0.0.1:1/v1") as chat:
        assert isinstance(await failure(chat), Retryable)


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

    async with talking(once) as chat:
        for _ in range(4):
            closed.clear()
            try:
                await chat.complete(chat_request())
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
    async with chatting("http://llm.test/v1") as chat:
        with aioresponses() as mocked:
            url = "http://llm.test/v1/chat/completions"
            cast("Any", mocked).add(url, "POST", exception=cause)  # its stub has gaps
            assert isinstance(await failure(chat), Snooze)
