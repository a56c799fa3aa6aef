"""Priorities on the wire: sent where they are taken, left out where they are not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.worker.llm.model_servers import GOOD, MODELS, chat_request
from tests.worker.llm.sites import Routed, looking, routed
from worker.embedded.model_api import ModelConfig, run_model
from worker.embedded.model_batching import Batching
from worker.embedded.model_lengths import LengthProfile
from worker.embedded.model_scheduler import Profile
from worker.errors import JobError, Reject
from worker.llm.chat import ModelRole
from worker.llm.client import OpenAIChat
from worker.llm.load_watch import read_load
from worker.llm.providers import PROVIDERS
from worker.llm_config import ProviderName

VLLM, OLLAMA = ProviderName.VLLM, ProviderName.OLLAMA
LOW = replace(chat_request(), priority=7)


class Server:
    """Notes the priorities it is sent; refuses with a status when there is one."""

    def __init__(self, refuses: int = 0) -> None:
        self.refuses = refuses
        self.seen: list[int] = []

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer, or refuse."""
        priority: int = (await request.json()).get("priority", 0)
        self.seen.append(priority)
        if self.refuses and priority:
            return web.Response(status=self.refuses, text="priority scheduling is not enabled")
        return web.json_response(GOOD)


@asynccontextmanager
async def one(server: Any, provider: ProviderName = VLLM) -> AsyncGenerator[Routed]:
    """A router with one server."""
    async with routed({provider: 1}) as net:
        net.sites[provider][0].handler = server
        yield net


@pytest.mark.parametrize(("provider", "seen"), [(VLLM, [7, 0]), (OLLAMA, [0, 0])])
async def test_only_servers_that_may_have_such_a_queue_are_told(
    provider: ProviderName, seen: list[int]
) -> None:
    """Others might refuse a field that they do not know."""
    server = Server()
    async with one(server, provider) as net:
        await net.router.complete(LOW)
        await net.router.complete(chat_request())
    assert server.seen == seen


@pytest.mark.parametrize("status", [400, 422])
async def test_one_that_refuses_is_not_told_again(status: int) -> None:
    """The job does not notice; the next one is sent without at once."""
    server = Server(status)
    async with one(server) as net:
        for _ in range(3):
            assert (await net.router.complete(LOW)).text == '{"a":1}'
    assert server.seen == [7, 0, 0, 0]


async def test_the_first_look_finds_it_out() -> None:
    """So no job has to; and a later look sees what has changed."""
    server = Server(400)
    async with one(server) as net:
        [replica] = net.router.replicas
        await looking(net).start()
        assert (server.seen, replica.client.takes_priority) == ([1, 0], False)
        server.refuses = 0
        await looking(net).start()
        assert replica.client.takes_priority
        server.refuses = 400
        await net.router.complete(LOW)
        assert not replica.client.takes_priority
        replica.breaker.trip()
        replica.tell()
        assert replica.client.takes_priority, "it may come back with such a queue"


@pytest.mark.parametrize("status", [400, 413, 401, 500])
async def test_a_refusal_of_the_prompt_is_no_refusal_of_the_priority(status: int) -> None:
    """It comes without the priority too; then that was not why."""

    async def refuses(_request: web.Request) -> web.Response:
        return web.Response(status=status, text="no")

    async with one(refuses) as net:
        [replica] = net.router.replicas
        with pytest.raises(JobError) as caught:
            await replica.client.complete(LOW)
        assert isinstance(caught.value, Reject) is (status in {400, 413})
        assert replica.client.takes_priority


@asynccontextmanager
async def batching(*, by_priority: bool) -> AsyncGenerator[OpenAIChat]:
    """A client of the stand-in with one seat."""
    profile = Profile(sequences=1, step_ms=1.0, by_priority=by_priority)
    config = ModelConfig(
        models=tuple(MODELS.values()), batching=Batching(profile, LengthProfile(50, 0, 1))
    )
    async with run_model(config) as model:
        chat = OpenAIChat(f"{model.url}/v1", "k", MODELS, 32, provider=PROVIDERS[VLLM])
        try:
            yield chat
        finally:
            await chat.close()


@pytest.mark.parametrize("by_priority", [True, False])
async def test_heavy_types_overtake_in_the_servers_queue(by_priority: bool) -> None:
    """With such a queue they come before all who wait there; without one it is as they came."""
    ended: list[int] = []
    async with batching(by_priority=by_priority) as chat:

        async def ask(priority: int) -> None:
            await chat.ask(replace(chat_request(), priority=priority), MODELS[ModelRole.TEXT])
            ended.append(priority)

        calls = [asyncio.create_task(ask(7)) for _ in range(6)]
        await _until_waiting(chat, 5)
        calls += [asyncio.create_task(ask(0)) for _ in range(4)]
        await asyncio.gather(*calls)
        assert chat.takes_priority is by_priority
    if by_priority:  # one or two of the others had their turn before these came
        assert ended[-3:] == [7, 7, 7]
    else:
        assert ended == [7] * 6 + [0] * 4


async def _until_waiting(chat: OpenAIChat, number: int) -> None:
    async with asyncio.timeout(10):
        while (load := read_load(await chat.load())) is None or load.waiting < number:  # noqa: ASYNC110 - its queue can only be asked for
            await asyncio.sleep(0.005)
