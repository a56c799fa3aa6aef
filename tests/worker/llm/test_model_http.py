"""The SDK's requests, over aiohttp: the same as its own client makes of them, and sent once."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from openai import DefaultAioHttpClient

from worker.embedded.child import free_port
from worker.llm.errors import ReplyTooLong
from worker.llm.model_http import ModelHttp

MOST = 1_000


@asynccontextmanager
async def client() -> AsyncGenerator[ModelHttp]:
    """One that takes replies of up to `MOST` bytes."""
    made = ModelHttp(4, lambda _: MOST)
    yield made
    await made.aclose()


@asynccontextmanager
async def server(answer: Any) -> AsyncGenerator[str]:
    """Its address; it answers every request with this."""
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    async with TestServer(app) as made:
        yield str(made.make_url("/"))


@pytest.mark.parametrize(
    "said",
    [
        {"content": b"{}", "headers": [("Accept", "a"), ("User-Agent", "sdk")]},
        {"headers": [("Accept", "a"), ("User-Agent", "sdk")], "params": {"a": "b"}},
        {"json": {"a": 1}, "headers": [("Accept", "a"), ("User-Agent", "sdk")]},
    ],
)
async def test_the_same_request(said: dict[str, Any]) -> None:
    """It differs from what the SDK's own client makes in nothing that matters to a server."""
    own = DefaultAioHttpClient()
    wanted = own.build_request("POST", "http://127.0.0.1:1/v1/chat?x=1", **said)
    async with client() as ours:
        made = ours.build_request("POST", "http://127.0.0.1:1/v1/chat?x=1", **said)
    assert (made.method, made.url, made.content) == (wanted.method, wanted.url, wanted.content)
    added = {"connection", "accept-encoding"}  # by its defaults; aiohttp has its own
    names = [each for each in wanted.headers.multi_items() if each[0] not in added]
    assert [each for each in made.headers.multi_items() if each[0] not in added] == names
    await own.aclose()


async def test_one_reply() -> None:
    """Body, status and headers come back whole; a redirect is a reply like others."""
    seen: list[tuple[str, bytes, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, await request.read(), request.headers["X-Id"]))
        return web.Response(status=307, body=b"there", headers={"Location": "/b", "X-Said": "yes"})

    async with server(answer) as url, client() as ours:
        sent = ours.build_request("POST", url, content=b"body", headers=[("X-Id", "1")])
        reply = await ours.send(sent, stream=False, follow_redirects=True)
    assert (reply.status_code, reply.content, reply.headers["X-Said"]) == (307, b"there", "yes")
    assert (seen, reply.request) == ([("POST", b"body", "1")], sent)


@pytest.mark.parametrize("size", [MOST, MOST + 1])
async def test_too_long(size: int) -> None:
    """A reply has as many bytes as are allowed, or it is an error."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * size)

    async with server(answer) as url, client() as ours:
        call = ours.send(ours.build_request("GET", url))
        if size <= MOST:
            assert (await call).content == b"x" * size
        else:
            with pytest.raises(ReplyTooLong, match="1,000 bytes"):
                await call


async def test_nobody_there() -> None:
    """Who cannot be reached is what the SDK knows as that, with the first error behind it."""
    async with client() as ours:
        with pytest.raises(httpx2.ConnectError) as caught:
            await ours.send(ours.build_request("GET", f"http://127.0.0.1:{free_port()}/"))
    assert isinstance(caught.value.__cause__, OSError)
