"""The page of a real worker: in one process, in several, and on its way out."""

import asyncio
import re
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.process.bench import Bench, log_lines, until
from tests.process.conftest import Benches
from worker.embedded.service import Service

pytestmark = pytest.mark.process
TOKEN = "a-token-of-these-tests"


@asynccontextmanager
async def _visitor(worker: Service) -> AsyncGenerator[aiohttp.ClientSession]:
    """A browser of sorts, which has signed in."""
    jar = aiohttp.CookieJar(unsafe=True)
    url = worker.ready_url.removesuffix("/live")
    async with aiohttp.ClientSession(url, cookie_jar=jar) as visitor:
        form = {"token": TOKEN, "next": "/job"}
        async with visitor.post("/sign-in", data=form, headers={"Origin": url}) as response:
            assert response.status == 200
        yield visitor


async def _text(visitor: aiohttp.ClientSession, path: str) -> str:
    async with visitor.get(path) as response:
        assert response.status == 200
        return await response.text()


def _key(text: str) -> str:
    [key] = set(re.findall(r'name="csrf" value="(\w+)"', text))
    return key


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_dead_letter_is_replayed_and_completes(bench: Bench, processes: int) -> None:
    """Paused, seen, mended, replayed: by the page alone, whichever process answers."""
    settings = {"WORKER_ADMIN_TOKEN": TOKEN, "WORKER_PROCESSES": str(processes)}
    worker = bench.start_worker(**settings, WORKER_JOB_TYPES="text_tag", LLM_CANARY="false")
    await bench.model_fails(status=400, count=1)
    await bench.enqueue("j1")
    await bench.ended("j1")
    await bench.settled()
    async with _visitor(worker) as visitor:
        listed = await _text(visitor, "/dead")
        [letter] = set(re.findall(r'href="(/dead/\d+-\d+)"', listed))
        key = _key(listed)
        async with visitor.post(f"{letter}/replay", data={"csrf": key}) as response:
            assert (response.status, response.url.path) == (200, "/job")

        async def completed() -> bool:
            return 'tag good">completed' in await _text(visitor, "/job?id=j1")

        await until(completed, what="the job's end on its own view")
        async with visitor.get("/changes?view=overview") as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            assert await response.content.readline() == b"event: fragment\n"
            worker.send(signal.SIGTERM)
            assert b"event: bye" in await response.content.read()
    assert worker.wait(30) == 0
    assert [line["address"] for line in log_lines(worker, "page_steered")] == ["127.0.0.1"]
    assert log_lines(worker, "page_failed") == []


async def test_open_to_all_but_those_who_would_change(bench: Bench) -> None:
    """/live, /ready and /metrics need no token; the page does, in every process alike."""
    worker = bench.start_worker(WORKER_ADMIN_TOKEN=TOKEN, WORKER_PROCESSES="2")
    base = worker.ready_url.removesuffix("/live")
    await bench.ready(worker)
    statuses: dict[str, int] = {}
    for path in ("/live", "/ready", "/metrics", "/", "/dead", "/changes?view=overview", "/x"):
        async with bench.http.get(base + path) as response:
            statuses[path] = response.status
    assert statuses == dict.fromkeys(("/live", "/ready", "/metrics"), 200) | dict.fromkeys(
        ("/", "/dead", "/changes?view=overview", "/x"), 401
    )
    headers = {"Authorization": "Bearer wrong"}
    async with bench.http.get(base, headers=headers) as response:
        assert response.status == 401

    async def logged() -> bool:
        return bool(log_lines(worker, "page_wrong_token"))

    await until(logged, what="a log line")
    assert "Bearer" not in worker.log
    worker.stop()
    assert worker.exit_code == 0


async def test_a_session_outlives_a_restart(bench: Bench) -> None:
    """Of the worker, and of the process that began it: all with the token can read it."""
    settings = {"WORKER_ADMIN_TOKEN": TOKEN, "WORKER_JOB_TYPES": "text_tag"}
    worker = bench.start_worker(**settings)
    other = bench.start_worker("other", **settings)
    async with _visitor(worker) as visitor:
        base = other.ready_url.removesuffix("/live")
        async with visitor.get(f"{base}/dead") as response:
            assert response.status == 200


async def test_an_outage_is_seen_on_the_page(benches: Benches) -> None:
    """Redis is gone: within seconds the page says so, and shows what the worker knows."""
    async with benches() as bench:
        worker = bench.start_worker()
        base = worker.ready_url.removesuffix("/live")
        bench.stack.redis.stop()
        async with asyncio.timeout(30), bench.http.get(base) as response:
            text = await response.text()
        assert response.status == 200
        assert "Redis does not answer" in text
        assert "this one" in text
        bench.stack.redis.start()
