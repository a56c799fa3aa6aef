"""The stand-in over HTTP."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import JsonValue

from worker.embedded.model_api import ModelConfig, RunningModel, run_model
from worker.embedded.model_faults import Fault

COMPLETIONS = "/v1/chat/completions"


@asynccontextmanager
async def serving(
    **config: Any,
) -> AsyncGenerator[tuple[RunningModel, aiohttp.ClientSession]]:
    """A stand-in and a client of it."""
    async with (
        run_model(ModelConfig(**config)) as model,
        aiohttp.ClientSession(model.url) as client,
    ):
        yield model, client


def body(text: str = "Booked the ferry to Naxos", **changes: Any) -> dict[str, Any]:
    """A request for tags."""
    schema = {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
        "required": ["tags"],
    }
    return {
        "model": "mistral",
        "messages": [{"role": "user", "content": text}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "text_tags", "schema": schema},
        },
        **changes,
    }


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until a condition holds; pytest's timeout bounds it."""
    while not condition():  # noqa: ASYNC110 - the tally is plain numbers, with no event to wait for
        await asyncio.sleep(0)


async def test_completion() -> None:
    """The answer fits the schema, its tokens add up, and it says that it is a stand-in."""
    async with serving() as (model, client):
        async with client.post(COMPLETIONS, json=body()) as response:
            answer = await response.json()
        assert answer["system_fingerprint"] == "stand-in"
        (choice,) = answer["choices"]
        assert choice["finish_reason"] == "stop"
        assert "naxos" in json.loads(choice["message"]["content"])["tags"]
        usage = answer["usage"]
        assert usage["prompt_tokens"] == 7
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert model.tally.prompt_tokens["mistral"] == 7


async def test_long_answer_is_cut() -> None:
    """Above `max_tokens` the text ends early and says so."""
    async with (
        serving() as (_, client),
        client.post(COMPLETIONS, json=body(max_tokens=2)) as response,
    ):
        answer = await response.json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["choices"][0]["message"]["content"] == '{"tags":'
    assert answer["usage"]["completion_tokens"] == 2


async def test_refusals() -> None:
    """404 for an unknown model; 400 for no JSON, too long a prompt and an impossible schema."""
    async with serving(max_model_len=50) as (model, client):
        async with client.post(COMPLETIONS, json=body(model="x")) as response:
            assert response.status == 404
            assert (await response.json())["error"] == {
                "message": "The model `x` does not exist.",
                "type": "NotFoundError",
                "param": "model",
                "code": 404,
            }
        async with client.post(COMPLETIONS, data=b"\xff{") as response:
            assert response.status == 400
        async with client.post(COMPLETIONS, json=body("x" * 204)) as response:
            assert (await response.json())["error"]["param"] == "input_tokens"
        assert model.tally.stats()["calls"] == 0
        wrong = {"type": "json_schema", "json_schema": {"name": "extract", "schema": {"type": 7}}}
        async with client.post(COMPLETIONS, json=body(response_format=wrong)) as response:
            assert response.status == 400


async def test_key_is_asked_for_under_v1_only() -> None:
    """Without the key the API is closed, health and metrics are open."""
    async with serving(api_key="k") as (_, client):
        async with client.get("/v1/models") as response:
            assert response.status == 401
        async with client.get("/v1/models", headers={"Authorization": "Bearer k"}) as response:
            models = await response.json()
        assert {each["owned_by"] for each in models["data"]} == {"stand-in"}
        assert [each["id"] for each in models["data"]] == ["mistral", "llava"]
        assert models["data"][0]["max_model_len"] == 8192
        for path in ("/health", "/metrics", "/stats"):
            async with client.get(path) as response:
                assert response.status == 200


async def test_client_that_leaves_frees_its_slot() -> None:
    """A disconnect ends the run, is counted, and lets the next one in."""
    async with serving(slots=1) as (model, client):
        async with client.post("/stand-in/faults", json={"hang_s": 60}) as response:
            assert (await response.json()) == {"queued": 1}
        first = asyncio.create_task(client.post(COMPLETIONS, json=body()))
        await until(lambda: model.tally.running["mistral"] == 1)
        second = asyncio.create_task(client.post(COMPLETIONS, json=body()))
        await until(lambda: model.tally.waiting["mistral"] == 1)
        first.cancel()
        async with await second as response:
            assert response.status == 200
        assert model.tally.cancelled == 1
        assert model.tally.running["mistral"] == 0


@pytest.mark.parametrize(
    ("fault", "status", "content"),
    [
        ({"status": 503, "retry_after": 1}, 503, "StandInFault"),
        ({"status": 200, "html": True}, 200, "<html>"),
        ({"text": "not json"}, 200, '"content": "not json"'),
        ({"text": "{", "finish_reason": "length"}, 200, '"finish_reason": "length"'),
    ],
)
async def test_posted_fault(fault: dict[str, Any], status: int, content: str) -> None:
    """The next completion fails as told, the one after it does not."""
    async with serving() as (_, client):
        async with client.post("/stand-in/faults", json=fault) as response:
            assert response.status == 200
        async with client.post(COMPLETIONS, json=body()) as response:
            assert response.status == status
            assert content in await response.text()
            assert response.headers.get("Retry-After") == ("1" if "retry_after" in fault else None)
        async with client.post(COMPLETIONS, json=body()) as response:
            assert "naxos" in await response.text()


async def test_fault_that_is_none() -> None:
    """An unknown fault is refused, not queued."""
    async with serving() as (model, client):
        async with client.post("/stand-in/faults", json={"staus": 503}) as response:
            assert response.status == 422
        assert len(model.faults) == 0


async def test_fault_hook() -> None:
    """A test's own hook sees the body and may answer in the model's stead."""

    async def hook(asked: dict[str, JsonValue]) -> web.StreamResponse | None:
        return web.Response(status=418) if asked["model"] == "llava" else None

    async with serving(faults=hook) as (_, client):
        async with client.post(COMPLETIONS, json=body(model="llava")) as response:
            assert response.status == 418
        async with client.post(COMPLETIONS, json=body()) as response:
            assert response.status == 200


async def test_stats_tell_calls_by_request_id() -> None:
    """A failed call is a call too."""
    async with serving() as (model, client):
        model.faults.add(Fault(status=500))
        for _ in range(2):
            async with client.post(
                COMPLETIONS, json=body(), headers={"X-Request-Id": "job-1"}
            ) as response:
                await response.read()
        async with client.get("/stats") as response:
            stats = await response.json()
    assert stats["by_request_id"] == {"job-1": 2}
    assert stats["by_model"] == {"mistral": 2}
    assert (stats["calls"], stats["cancelled"]) == (2, 0)
