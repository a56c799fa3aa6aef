"""Servers that are looked at while jobs use them: no look takes anything away from a job."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.builders import until
from tests.worker.llm.model_servers import answering, chat_request
from tests.worker.llm.sites import ended, good, hang, looking, replying, routed
from worker.llm import preflight as room
from worker.llm.breaker import BreakerLimits, State
from worker.llm.chat import ModelRole
from worker.llm.preflight import Preflight
from worker.llm_config import ProviderName, StructureName

VLLM, OPENAI = ProviderName.VLLM, ProviderName.OPENAI
ONE_PROBE = BreakerLimits(min_calls=2, open_s=5.0, probes=1)
SONG = "Tell me a story"
RED = '{"colour":"red"}'

Lines = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LOOK_EVERY_S", 0.01)


# ------------------------------------------------------------------------ set aside


async def test_a_server_set_aside_by_a_job_is_used_again_when_it_is_mended() -> None:
    """It was well at the start: that is no reason never to look at it again."""
    async with routed({VLLM: 1, OPENAI: 1}) as net:
        [first], [second] = net.sites.values()
        first.handler = second.handler = replying(RED)
        preflight, [replica] = looking(net), net.replicas(VLLM)
        await preflight.start()
        first.handler = answering(401)
        assert (await net.router.complete(chat_request())).provider == "openai"
        assert replica.broken is not None
        first.handler = replying(RED)
        watch = asyncio.create_task(preflight.watch())
        await until(lambda: replica.broken is None)
        await ended(watch)
        assert (await net.router.complete(chat_request())).provider == "vllm"


@pytest.mark.parametrize("status", [400, 429])
async def test_a_server_that_refuses_the_canary_only_is_used(status: int) -> None:
    """Looking again and again takes nothing away from jobs that it answers."""
    async with routed({VLLM: 1}) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)

        async def no_songs(request: web.Request) -> web.Response:
            if SONG in await request.text():
                return web.Response(status=status)
            return await good(request)

        site.handler = no_songs
        preflight = looking(net)
        await preflight.start()
        net.turn(5.0)
        await asyncio.gather(*(net.router.complete(chat_request()) for _ in range(3)))
        asked = site.asked
        watch = asyncio.create_task(preflight.watch())
        await until(lambda: site.asked >= asked + 3)
        assert replica.breaker.state is State.CLOSED
        await ended(watch)


async def test_a_slow_canary_leaves_a_server_that_answers_jobs_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What jobs have found out since the start weighs more than one question that took too long."""
    monkeypatch.setattr(room, "_SONG", replace(room._SONG, timeout_s=0.02))  # pyright: ignore[reportPrivateUsage] -- it is half a minute
    async with routed({VLLM: 1}, limits=ONE_PROBE) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)

        async def slow_songs(request: web.Request) -> web.Response:
            return await (hang if SONG in await request.text() else good)(request)

        site.handler = slow_songs
        preflight = looking(net)
        await preflight.start()
        assert replica.breaker.state is State.OPEN
        net.turn(5.0)
        await net.router.complete(chat_request())
        assert replica.breaker.state is State.CLOSED
        asked = site.asked
        watch = asyncio.create_task(preflight.watch())
        await until(lambda: site.asked >= asked + 3)
        assert replica.breaker.state is State.CLOSED
        await ended(watch)


async def test_the_watch_lives_through_whatever_servers_say() -> None:
    """No reply of a server that may be passed over ends the worker."""
    async with routed({VLLM: 1, OPENAI: 1}) as net:
        [first], [second] = net.sites.values()
        second.handler = replying(RED)
        preflight, [replica] = looking(net), net.replicas(VLLM)
        first.handler = answering(401)
        await preflight.start()
        watch = asyncio.create_task(preflight.watch())
        odd = {"Content-Type": "text/html; charset=no-such"}
        late = {"Retry-After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}
        for handler in (
            answering(302, headers={"Location": "http://127.0.0.1:1/"}),
            answering(404, text="<html>"),
            answering(500, headers=odd, body=b"\xff\xfe"),
            answering(429, headers=late),
        ):
            first.handler, asked = handler, first.asked
            await until(lambda asked=asked: watch.done() or first.asked >= asked + 2)
            assert not watch.done()
        first.handler = replying(RED)
        await until(lambda: replica.checked)
        await ended(watch)


# ------------------------------------------------------------------------ the canary


async def test_a_canary_that_had_no_room_to_sing_shows_nothing(lines: Lines) -> None:
    """A model that thinks first may use up its tokens for that: no sign that no schema holds."""
    async with routed({VLLM: 1}) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)
        site.handler = replying("", "length")
        await looking(net).start()
        assert replica.client.structure is StructureName.JSON_SCHEMA
        assert replica.checked
        assert lines("output_not_constrained") == []


async def test_a_canary_that_tells_its_story_to_the_limit_shows_enough() -> None:
    """Cut off or not, it was no colour."""
    async with routed({VLLM: 1}) as net:
        net.sites[VLLM][0].handler = replying("Once upon a time, by the sea,", "length")
        await looking(net).start()
        assert net.replicas(VLLM)[0].client.structure is StructureName.PROMPT


async def test_a_server_that_refuses_schemas_is_asked_in_words() -> None:
    """Else every single job would end as a dead letter over a field that it does not know."""
    async with routed({VLLM: 1}) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)

        async def no_schemas(request: web.Request) -> web.Response:
            if b"response_format" in await request.read():
                text = json.dumps({"error": {"message": "response_format: not supported"}})
                return web.Response(status=400, text=text)
            return await replying(RED)(request)

        site.handler = no_schemas
        await looking(net).start()
        assert replica.client.structure is StructureName.PROMPT
        assert replica.checked


async def test_what_the_settings_say_is_kept_when_it_is_refused() -> None:
    """The server is left as it is, unchecked; nothing is changed behind anybody's back."""
    async with routed({VLLM: 1}) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)
        site.handler = answering(400)
        kept = StructureName.JSON_SCHEMA
        await Preflight(net.router, [ModelRole.TEXT], canary=True, structure=kept).start()
        assert (replica.client.structure, replica.checked) == (kept, False)
