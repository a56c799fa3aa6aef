"""Looking at the servers before they are needed; over real HTTP."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from tests.builders import until
from tests.worker.llm.model_servers import answering
from tests.worker.llm.sites import Routed, routed
from worker.errors import Halt
from worker.llm import preflight as room
from worker.llm.breaker import State
from worker.llm.chat import ModelRole
from worker.llm.preflight import Preflight
from worker.llm_config import ProviderName, StructureName

VLLM, OPENAI = ProviderName.VLLM, ProviderName.OPENAI
Lines = Callable[[str], list[dict[str, Any]]]


def _check(
    net: Routed,
    *roles: ModelRole,
    canary: bool = True,
    structure: StructureName = StructureName.AUTO,
) -> Preflight:
    return Preflight(net.router, roles or (ModelRole.TEXT,), canary=canary, structure=structure)


def saying(text: str) -> Callable[[web.Request], Any]:
    """A completion with this text."""

    async def answer(_request: web.Request) -> web.Response:
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})

    return answer


async def test_a_good_server(lines: Lines) -> None:
    """Its models and their context are known, its output holds a schema."""
    async with routed({VLLM: 1}) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)
        site.handler = saying('{"colour": "green"}')
        await _check(net, ModelRole.TEXT, ModelRole.VISION).start()
        assert replica.checked
        assert replica.client.structure is StructureName.JSON_SCHEMA
        assert net.router.context_tokens(ModelRole.VISION) == 8_192
        assert site.asked == 2
        assert lines("output_not_constrained") == []


@pytest.mark.parametrize(
    "text",
    ["Once upon a time", '{"story": "…"}', '{"colour": "purple"}', "", '["red"]', "{" * 500],
)
async def test_a_server_that_ignores_the_schema(text: str, lines: Lines) -> None:
    """It says 200 and tells its story: then the schema is put into words."""
    async with routed({VLLM: 1}) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)
        site.handler = saying(text)
        await _check(net).start()
        assert replica.client.structure is StructureName.PROMPT
        [said] = lines("output_not_constrained")
        assert (said["model"], said["structure"]) == ("mistral", "prompt")


async def test_what_the_settings_say_is_kept(lines: Lines) -> None:
    """A person who chose a way is warned, not overruled."""
    async with routed({VLLM: 1}) as net:
        [replica] = net.replicas(VLLM)
        net.sites[VLLM][0].handler = saying("Once")
        await _check(net, structure=StructureName.JSON_SCHEMA).start()
        assert replica.client.structure is StructureName.JSON_SCHEMA
        assert len(lines("output_not_constrained")) == 1


async def test_without_a_canary_nothing_is_asked() -> None:
    """The setting is for those who pay for every call."""
    async with routed({VLLM: 1}) as net:
        await _check(net, canary=False).start()
        assert net.sites[VLLM][0].asked == 0
        assert net.replicas(VLLM)[0].checked


async def test_an_unknown_model_stops_the_start() -> None:
    """With what the server has instead, and the way out for who does not need it."""
    async with routed({VLLM: 1}) as net:
        [site] = net.sites[VLLM]
        site.cards = [{"id": "qwen"}, {"id": "gemma"}]
        error = {"message": "The model `mistral` does not exist.", "param": "model"}
        site.handler = answering(404, text=json.dumps({"error": error}))
        with pytest.raises(Halt) as caught:
            await _check(net).start()
        said = str(caught.value)
        for part in ("mistral", "LLM_TEXT_MODEL", "gemma, qwen", "WORKER_JOB_TYPES", "text"):
            assert part in said


async def test_a_short_name_is_asked_for(lines: Lines) -> None:
    """Some servers list `mistral:latest` and answer to `mistral`."""
    async with routed({VLLM: 1}) as net:
        [site] = net.sites[VLLM]
        site.cards = [{"id": "mistral:latest"}]
        site.handler = saying('{"colour":"red"}')
        await _check(net).start()
        assert net.replicas(VLLM)[0].checked
        assert lines("model_not_listed") == []
        await _check(net, canary=False).start()
        assert len(lines("model_not_listed")) == 1


async def test_who_is_away_at_the_start_is_left_alone_until_it_is_back(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fallback has the work from the first job on; the watch sees the first one come back."""
    monkeypatch.setattr(room, "LOOK_EVERY_S", 0.01)
    async with routed({VLLM: 1, OPENAI: 1}) as net:
        [first], [second] = net.sites.values()
        first.health = 503
        for site in (first, second):
            site.handler = saying('{"colour":"red"}')
        check = _check(net)
        await check.start()
        [replica] = net.replicas(VLLM)
        assert (replica.checked, replica.breaker.state) == (False, State.OPEN)
        assert lines("model_server_away")[0]["cause"] == "http_503"
        watch = asyncio.create_task(check.watch())
        first.health = 200
        net.turn(5.0)
        await until(lambda: replica.checked)
        watch.cancel()
        await asyncio.wait({watch})
        assert replica.breaker.state is State.CLOSED


async def test_a_wrong_key_beside_a_good_server(lines: Lines) -> None:
    """It is no reason not to start, and none to be quiet."""
    async with routed({VLLM: 1, OPENAI: 1}) as net:
        [first], [second] = net.sites.values()
        first.handler = answering(401)
        second.handler = saying('{"colour":"red"}')
        check = _check(net)
        await check.start()
        assert net.replicas(VLLM)[0].broken is not None
        assert len(lines("model_server_misconfigured")) == 1
        first.handler = saying('{"colour":"red"}')
        await check.start()
        assert net.replicas(VLLM)[0].broken is None


async def test_a_server_that_answers_to_any_name() -> None:
    """One that answers whatever is asked with the model it has: only its list can tell."""
    async with routed({ProviderName.LLAMA_CPP: 1}) as net:
        [site] = net.sites[ProviderName.LLAMA_CPP]
        site.cards = [{"id": "qwen"}]
        site.handler = saying('{"colour":"red"}')
        with pytest.raises(Halt, match="it has qwen"):
            await _check(net).start()
        assert site.asked == 0
