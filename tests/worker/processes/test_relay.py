"""The page of several processes, passed on by their parent."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

import aiohttp
from aiohttp import web

from worker.embedded.child import free_port
from worker.observability.health_server import HealthServer
from worker.processes.child import Child
from worker.processes.relay import VIEWER_HEADER, Relay


def _children(*ports: int | None) -> Mapping[int, Child | None]:
    here = [None if port == 0 else SimpleNamespace(port=port) for port in ports]
    return cast("Mapping[int, Child | None]", dict(enumerate(here)))


@asynccontextmanager
async def _process(name: str = "one") -> AsyncGenerator[int]:
    """A process's own health port, which repeats what it is asked."""

    async def echo(request: web.Request) -> web.Response:
        said = {n: request.headers.get(n) for n in ("Host", "Origin", "Cookie", VIEWER_HEADER)}
        body = {"name": name, "path": str(request.rel_url), "method": request.method}
        body |= {"headers": said, "body": (await request.read()).decode()}
        answer = web.json_response(body, status=201)
        answer.headers.add("Set-Cookie", "a=1")
        answer.headers.add("Set-Cookie", "b=2")
        return answer

    async def live(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        await asyncio.Event().wait()
        return response

    async def away(_request: web.Request) -> web.Response:
        raise web.HTTPSeeOther("//evil.example")

    routes = [web.get("/stream", live), web.get("/away", away), web.route("*", "/{_:.*}", echo)]
    server = HealthServer({}, "127.0.0.1", 0, routes)
    port = await server.start()
    try:
        yield port
    finally:
        await server.stop()


@asynccontextmanager
async def _parent(*ports: int | None) -> AsyncGenerator[aiohttp.ClientSession]:
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar) as passing:
        relay = Relay(_children(*ports), passing)
        server = HealthServer({}, "127.0.0.1", 0, relay.routes())
        port = await server.start()
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as asking:
                yield asking
        finally:
            await server.stop()


async def test_it_goes_there_and_back() -> None:
    """Address, form, and what guards them; the viewer's address is the parent's to say."""
    said = {"Cookie": "s=1", "Origin": "http://x", "Host": "x", VIEWER_HEADER: "forged"}
    async with (
        _process() as port,
        _parent(port) as asking,
        asking.post("/dead/1-1/x?a=%2F&b=ü", data={"c": "d"}, headers=said) as response,
    ):
        got = await response.json()
        assert response.status == 201
        assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]
    assert (got["method"], got["body"]) == ("POST", "c=d")
    assert got["path"] == "/dead/1-1/x?a=/&b=%C3%BC"
    assert got["headers"] == said | {VIEWER_HEADER: "127.0.0.1"}


async def test_nobody_elses_cookies() -> None:
    """Between two viewers nothing is kept."""
    async with _process() as port, _parent(port) as asking:
        for _ in range(2):
            async with asking.get("/", cookies={}) as response:
                assert (await response.json())["headers"]["Cookie"] in {None, "a=1; b=2"}
        asking.cookie_jar.clear()
        async with asking.get("/") as again:
            assert (await again.json())["headers"]["Cookie"] is None


async def test_where_it_leads_is_the_viewers_business() -> None:
    """The parent follows no redirect."""
    async with (
        _process() as port,
        _parent(port) as asking,
        asking.get("/away", allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (303, "//evil.example")


async def test_what_is_live_comes_at_once() -> None:
    """Not when it is over, which may be never."""
    async with _process() as port, _parent(port) as asking, asking.get("/stream") as response:
        assert await response.content.readline() == b"first\n"


async def test_the_first_that_is_there() -> None:
    """One that has died, one that is starting, one whose port is shut: then the next."""
    async with (
        _process("two") as port,
        _parent(0, None, free_port(), port) as asking,
        asking.get("/") as response,
    ):
        assert (await response.json())["name"] == "two"


async def test_a_form_is_sent_once() -> None:
    """It may have been obeyed though nobody said so."""
    async with (
        _process() as port,
        _parent(free_port(), port) as asking,
        asking.post("/pause") as response,
    ):
        assert response.status == 503
        assert "did not answer" in await response.text()


async def test_nobody_is_there() -> None:
    """A clear word, and when to come again."""
    async with _parent(0, None) as asking, asking.get("/") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert "no process is up" in await response.text()


async def test_addresses_of_others_are_not_asked_for() -> None:
    """A request that names a whole address, as to a proxy, stays here."""
    async with _process() as port, _parent(port) as asking:
        async with asking.get("/") as response:
            own = response.url.port
        reader, writer = await asyncio.open_connection("127.0.0.1", own)
        writer.write(b"GET http://evil.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        said = await reader.readuntil(b'"body": ""}')
        writer.close()
        await writer.wait_closed()
    assert b'"path": "/x"' in said
