"""Model servers for the client's tests: well-behaved ones, and ones that break on purpose."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from worker.errors import JobError
from worker.llm.chat import LLM, ChatRequest, ModelRole, Prompt
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


def chat_request(timeout_s: float = 20.0, request_id: str = "job-1") -> ChatRequest:
    """A small text request."""
    return ChatRequest(Prompt("sys", "user"), "tags", {"type": "object"}, 50, timeout_s, request_id)


@asynccontextmanager
async def chatting(base_url: str) -> AsyncGenerator[OpenAIChat]:
    """A client that is closed in the end; its clock stands at `NOW`."""
    chat = OpenAIChat(base_url, KEY, MODELS, 4, lambda: NOW)
    try:
        yield chat
    finally:
        await chat.close()


@asynccontextmanager
async def serving(handler: Handler) -> AsyncGenerator[OpenAIChat]:
    """A client of an HTTP server whose every path is `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server, chatting(str(server.make_url("/v1"))) as chat:
        yield chat


@asynccontextmanager
async def talking(talk: Talk) -> AsyncGenerator[OpenAIChat]:
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
        async with chatting(f"http://127.0.0.1:{port}/v1") as chat:
            yield chat
    finally:
        server.close()
        await server.wait_closed()


async def failure(chat: LLM, timeout_s: float = 20.0) -> JobError:
    """The error that a call ends in; it never shows the key."""
    with pytest.raises(JobError) as caught:
        await chat.complete(chat_request(timeout_s))
    assert KEY not in str(caught.value)
    return caught.value


def answering(status: int, **response: Any) -> Handler:
    """Answers every request alike."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, **response)

    return answer
