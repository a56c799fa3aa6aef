"""HTTP to a model server: sent once, read whole, and the same for questions and for the SDK."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from worker.embedded.child import free_port
from worker.llm.errors import ReplyTooLong
from worker.llm.model_http import ModelHttp

MOST = 1_000


@asynccontextmanager
async def client() -> AsyncGenerator[ModelHttp]:
    """One that takes replies of up to `MOST` bytes from the SDK's requests."""
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


async def test_one_reply() -> None:
    """Body, status and headers come back whole; a redirect is a reply like others."""
    seen: list[tuple[str, bytes, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, await request.read(), request.headers["X-Id"]))
        return web.Response(status=307, body=b"there", headers={"Location": "/b", "X-Said": "yes"})

    async with server(answer) as url, client() as ours:
        reply = await ours.exchange("POST", url, {"X-Id": "1"}, b"body", MOST)
        request = httpx2.Request("POST", url, content=b"body", headers={"X-Id": "1"})
        same = await ours.handle_async_request(request)
    assert (reply.status, reply.body, reply.headers["x-said"]) == (307, b"there", "yes")
    assert (same.status_code, same.content, same.headers["x-said"]) == (307, b"there", "yes")
    assert same.request is request
    assert seen == [("POST", b"body", "1")] * 2


@pytest.mark.parametrize("size", [MOST, MOST + 1])
async def test_too_long(size: int) -> None:
    """A reply has as many bytes as are allowed, or it is an error."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * size)

    async with server(answer) as url, client() as ours:
        asked = ours.exchange("GET", url, {}, b"", MOST)
        by_sdk = ours.handle_async_request(httpx2.Request("GET", url))
        if size <= MOST:
            assert (await asked).body == (await by_sdk).content == b"x" * size
        else:
            for call in (asked, by_sdk):
                with pytest.raises(ReplyTooLong, match="1,000 bytes"):
                    await call


async def test_nobody_there() -> None:
    """Who cannot be reached is what the SDK knows as that, with the first error behind it."""
    async with client() as ours:
        with pytest.raises(httpx2.ConnectError) as caught:
            await ours.exchange("GET", f"http://127.0.0.1:{free_port()}/", {}, b"", MOST)
    assert isinstance(caught.value.__cause__, OSError)
