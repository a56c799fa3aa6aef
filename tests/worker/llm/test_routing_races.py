"""Where the breaker, the preflight and the router meet: nothing leaks, nobody waits for nothing."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.builders import turn, until
from tests.worker.llm.model_servers import KEY, MODELS, answering, chat_request
from tests.worker.llm.sites import Spent, ended, good, hang, looking, replying, routed
from worker.errors import Halt, Reject, Retryable, Snooze
from worker.llm import preflight as room
from worker.llm.breaker import BreakerLimits, State
from worker.llm.causes import Cause
from worker.llm.chat import ModelRole
from worker.llm.client import OpenAIChat
from worker.llm.providers import PROVIDERS
from worker.llm.structure_wire import shape_of
from worker.llm_config import ProviderName, StructureName

VLLM, OPENAI = ProviderName.VLLM, ProviderName.OPENAI
ONE_PROBE = BreakerLimits(min_calls=2, open_s=5.0, probes=1)
SONG = "Tell me a story"
RED = '{"colour":"red"}'

Lines = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LOOK_EVERY_S", 0.01)


# ------------------------------------------------------------------------ probes


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_probe_that_finds_a_gateway_alone_goes_on_to_the_fallback(status: int) -> None:
    """It says that nobody is there: no request is to blame, and no job need wait for it."""
    async with routed({VLLM: 1, OPENAI: 1}, limits=ONE_PROBE) as net:
        [first], _ = net.sites.values()
        first.handler = answering(status)
        net.replicas(VLLM)[0].breaker.trip()
        net.turn(5.0)
        assert (await net.router.complete(chat_request())).provider == "openai"
        assert net.replicas(VLLM)[0].breaker.state is State.OPEN


async def test_nobody_waits_for_the_probe_of_a_server_whose_budget_is_spent() -> None:
    """Nobody probes it before midnight, so its verdict would not come."""
    spent = Spent()
    async with routed({VLLM: 1, OPENAI: 1}, budgets=spent, limits=BreakerLimits()) as net:
        [first], [second] = net.replicas(VLLM), net.replicas(OPENAI)
        first.breaker.trip()
        net.turn(5.0)
        await net.router.complete(chat_request())  # one probe of three
        assert first.breaker.state is State.HALF_OPEN
        spent.waits["vllm"] = 40_000.0
        second.breaker.trip()
        call = asyncio.create_task(net.router.complete(chat_request()))
        await turn(20)
        assert call.done()
        with pytest.raises(Snooze) as caught:
            await call
        assert caught.value.cause == Cause.BREAKER_OPEN


async def test_who_waits_for_a_probe_goes_to_the_server_that_is_due_meanwhile() -> None:
    """A probe may take as long as a call; the other server's time to be tried comes sooner."""
    limits = BreakerLimits(min_calls=2, open_s=0.05, probes=1)
    async with routed({VLLM: 1, OPENAI: 1}, limits=limits) as net:
        [first], [second] = net.sites.values()
        first.handler = hang
        [one], [other] = net.replicas(VLLM), net.replicas(OPENAI)
        one.breaker.trip()
        net.turn(0.05)
        probe = asyncio.create_task(net.router.complete(chat_request()))
        await until(lambda: first.asked == 1)
        other.breaker.trip()
        call = asyncio.create_task(net.router.complete(chat_request()))
        await turn(20)
        assert not call.done()
        net.turn(0.05)
        assert (await call).provider == "openai"
        assert second.asked == 1
        await ended(probe)


@pytest.mark.parametrize("stage", range(6))
async def test_cancelled_at_any_moment_leaves_nothing_behind(stage: int) -> None:
    """Neither a call in flight, nor a probe's place, nor somebody who waits."""
    async with routed({VLLM: 2}, limits=ONE_PROBE) as net:
        for site in net.sites[VLLM]:
            site.handler = hang
        for replica in net.router.replicas:
            replica.breaker.trip()
        net.turn(5.0)
        calls = [asyncio.create_task(net.router.complete(chat_request())) for _ in range(6)]
        await turn(stage * 3)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert all(call.cancelled() for call in calls)
        for replica, site in zip(net.router.replicas, net.sites[VLLM], strict=True):
            assert (replica.in_flight, replica.breaker.admits) == (0, True)
            site.handler = good
        for _ in range(4):
            await net.router.complete(chat_request())


async def test_a_probe_that_is_given_up_hands_its_place_to_who_waits() -> None:
    """They are woken by it as by a verdict."""
    async with routed({VLLM: 1}, limits=ONE_PROBE) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)
        site.handler = hang
        replica.breaker.trip()
        net.turn(5.0)
        probe = asyncio.create_task(net.router.complete(chat_request()))
        await until(lambda: site.asked == 1)
        waiting = asyncio.create_task(net.router.complete(chat_request()))
        await turn(20)
        site.handler = good
        await ended(probe)
        assert (await waiting).text == '{"a":1}'
        assert replica.breaker.state is State.CLOSED


# ------------------------------------------------------------------------ what one request does


@pytest.mark.parametrize("alone", [True, False])
async def test_a_request_that_a_firewall_does_not_like_stops_nobody(*, alone: bool) -> None:
    """One email with a script in it must not pass for a wrong key: it would end every worker."""
    async with routed({VLLM: 1} if alone else {VLLM: 1, OPENAI: 1}) as net:
        for [site] in net.sites.values():

            async def guarded(request: web.Request) -> web.Response:
                if "user" in json.loads(await request.read())["messages"][1]["content"]:
                    return web.Response(status=403, text="<h1>Sorry, you have been blocked</h1>")
                return await replying(RED)(request)

            site.handler = guarded
        await looking(net).start()
        with pytest.raises(Reject) as caught:
            await net.router.complete(chat_request())
        assert caught.value.cause == Cause.REFUSED
        assert all(replica.broken is None for replica in net.router.replicas)


async def test_a_key_that_is_withdrawn_still_stops_the_worker() -> None:
    """Then every other question is refused, too."""
    async with routed({VLLM: 1}) as net:
        [site] = net.sites[VLLM]
        site.handler = replying(RED)
        await looking(net).start()
        site.handler = answering(403)
        with pytest.raises(Halt):
            await net.router.complete(chat_request())


@pytest.mark.parametrize(("there", "error"), [(8_000, Retryable), (128_000, Reject)])
async def test_a_prompt_that_was_cut_for_another_server_is_cut_again(
    there: int, error: type[Exception]
) -> None:
    """It fitted when it was measured; the next try measures by the fallback."""
    said = {"message": "maximum context length is 8000", "code": "context_length_exceeded"}
    async with routed({VLLM: 1, OPENAI: 1}) as net:
        [first], [second] = net.replicas(VLLM), net.replicas(OPENAI)
        first.context["mistral"], second.context["mistral"] = 128_000, there
        net.sites[OPENAI][0].handler = answering(400, text=json.dumps({"error": said}))
        first.breaker.trip()
        with pytest.raises(error):
            await net.router.complete(chat_request())
        assert net.router.context_tokens(ModelRole.TEXT) == there


# ------------------------------------------------------------------------ ready


async def test_ready_while_the_first_server_hangs() -> None:
    """The fallback has the work: nobody waits for the one that says nothing."""
    async with routed({VLLM: 1, OPENAI: 1}) as net:
        [replica] = net.replicas(VLLM)
        await replica.client.close()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        replica.client = OpenAIChat(url, KEY, MODELS, 4)
        asked = asyncio.create_task(net.router.ping())
        await asyncio.wait({asked}, timeout=3.0)
        assert asked.done()  # the health port waits three seconds, the client five
        await asked
        server.close()


async def test_asking_for_a_broken_server_costs_no_memory() -> None:
    """Its reason is told anew each time: an error that is raised again keeps every frame."""
    async with routed({VLLM: 1}) as net:
        [replica] = net.replicas(VLLM)
        replica.broken = Halt("no key")
        for _ in range(3):
            with pytest.raises(Halt, match="no key"):
                await net.router.ping()
        assert replica.broken.__traceback__ is None


# ------------------------------------------------------------------------ what is sent


def test_callers_schemas_push_out_no_job_types() -> None:
    """Theirs come once each, by the thousand; a job type's is written once and kept."""
    request, preset = chat_request(), PROVIDERS[VLLM]
    kept = shape_of(request, preset, StructureName.JSON_SCHEMA)
    for _ in range(200):
        shape_of(replace(request, schema={"type": "array"}), preset, StructureName.JSON_SCHEMA)
        assert shape_of(request, preset, StructureName.JSON_SCHEMA) is kept
