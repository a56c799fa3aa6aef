"""From settings to servers: each has its own key, its own breaker, its own limit."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.config import load_settings
from shared.enums import JobType
from tests.worker.llm.model_servers import chat_request
from tests.worker.llm.sites import good
from worker.config import Settings
from worker.llm.chat import ModelRole
from worker.llm.providers import PROVIDERS
from worker.llm.router import Router
from worker.llm_config import ProviderName, StructureName
from worker.model_side import build_llm, build_load_watch, build_preflight, priorities


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def built(**settings: Any) -> AsyncGenerator[Router]:
    """The router of these settings, closed in the end."""
    router = build_llm(load_settings(Settings, **settings))
    try:
        yield router
    finally:
        await router.close()


async def test_replicas_share_models_and_nothing_else() -> None:
    """A breaker each, a client each."""
    async with built(llm_base_url="http://a/v1,http://b/v1/", llm_breaker_probes=7) as router:
        one, other = router.replicas
        assert (one.url, other.url) == ("http://a/v1", "http://b/v1")
        assert one.breaker is not other.breaker
        assert one.client is not other.client
        assert one.models == other.models == {ModelRole.TEXT: "mistral", ModelRole.VISION: "llava"}
        assert [upstream.provider for upstream in router.upstreams] == ["vllm"]


@pytest.mark.parametrize("provider", list(ProviderName))
async def test_a_provider_without_an_address_is_where_it_always_is(provider: ProviderName) -> None:
    """The default of vLLM's address is for vLLM only."""
    async with built(llm_provider=provider) as router:
        [replica] = router.replicas
        assert (replica.url, replica.provider) == (PROVIDERS[provider].base_url, str(provider))


async def test_an_address_that_is_said_counts_for_every_provider() -> None:
    """Even where it is the default's."""
    async with built(llm_provider="openai", llm_base_url="http://localhost:8080/v1") as router:
        assert router.replicas[0].url == "http://localhost:8080/v1"


async def test_a_structure_of_the_settings_is_everybodys() -> None:
    """Of the fallbacks, too."""
    fallbacks = '[{"provider":"anthropic","model":"m"}]'
    async with built(llm_structure="prompt", llm_fallbacks=fallbacks) as router:
        found = [replica.client.structure for replica in router.replicas]
        assert found == [StructureName.PROMPT] * 2
    async with built(llm_fallbacks=fallbacks) as router:
        found = [replica.client.structure for replica in router.replicas]
        assert found == [StructureName.JSON_SCHEMA, StructureName.TOOL]


async def test_nobody_is_sent_another_ones_key() -> None:
    """The first one's key is no business of the fallback's, not even where that has none."""
    keys: list[tuple[str, str]] = []

    async def seen(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        keys.append((body["model"], request.headers["Authorization"]))
        return await good(request)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", seen)
    async with TestServer(app) as server:
        url = str(server.make_url("/v1"))
        fallbacks = f"""[{{"provider":"vllm","model":"two","base_url":"{url}","api_key":"k-two"}},
            {{"provider":"vllm","model":"three","base_url":"{url}"}}]"""
        first = {"llm_base_url": url, "llm_text_model": "one", "llm_api_key": "k-one"}
        async with built(**first, llm_fallbacks=fallbacks) as router:
            for replica in router.replicas:
                await replica.complete(chat_request())
    assert keys == [
        ("one", "Bearer k-one"),
        ("two", "Bearer k-two"),
        ("three", "Bearer not-needed"),
    ]


async def test_limits_of_the_daemon() -> None:
    """A floor, a cap and a start for each kind at each server; the slots hear what they take."""
    heard: list[int] = []
    settings = load_settings(
        Settings,
        llm_base_url="http://a/v1,http://b/v1",
        llm_limit_start=5,
        worker_concurrency=8,
        worker_job_types="text_tag",
    )
    router = build_llm(settings)
    assert router.limits == []
    build_load_watch(settings, router, heard.append)
    assert [facts.limit for facts in router.limits] == [5] * 4
    assert heard == [8]
    await router.close()


async def test_without_limits_the_cap_is_the_limit() -> None:
    """`LLM_ADAPTIVE=false`: the slots stay as they are."""
    heard: list[int] = []
    settings = load_settings(Settings, llm_adaptive=False)
    async with built(llm_adaptive=False) as router:
        build_load_watch(settings, router, heard.append)
        assert (router.limits, heard) == ([], [])


def test_the_heaviest_types_come_first_at_the_server() -> None:
    """Others come after them, in classes; without weights all are as everybody else's requests."""
    assert set(priorities({}).values()) == {0}
    found = priorities({JobType.IMAGE_TAG: 1, JobType.INTENT_CLASSIFY: 8, JobType.FOLLOWUP: 5})
    assert (found["intent_classify"], found["followup"]) == (0, 0)
    assert found["image_tag"] == found["document"] == 7
    assert set(found) == {str(name) for name in JobType}


async def test_only_the_models_that_are_needed_are_looked_for() -> None:
    """A worker for texts does not care whether there is a model that sees."""
    asked: list[str] = []

    async def seen(request: web.Request) -> web.StreamResponse:
        asked.append((await request.json())["model"])
        return await good(request)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", seen)
    app.router.add_get("/v1/models", _cards)
    app.router.add_get("/health", good)
    async with TestServer(app) as server:
        url = str(server.make_url("/v1"))
        for types, wanted in (("text_tag", ["mistral"]), ("document", ["llava"])):
            settings = load_settings(Settings, llm_base_url=url, worker_job_types=types)
            router = build_llm(settings)
            await build_preflight(settings, router).start()
            await router.close()
            assert asked == wanted
            asked.clear()


async def _cards(_request: web.Request) -> web.Response:
    return web.json_response({"data": [{"id": "mistral"}, {"id": "llava"}]})
