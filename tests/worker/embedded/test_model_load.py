"""The stand-in as a batching server over HTTP: what it tells of its load, and what it refuses."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.worker.embedded.batching_servers import ENDLESS, QUICK, scrape, serving, until_load

COMPLETIONS = "/v1/chat/completions"


def body(**changes: Any) -> dict[str, Any]:
    """A request for a tag or more."""
    messages = [{"role": "user", "content": "Booked the ferry to Naxos"}]
    tags = {"type": "array", "items": {"type": "string"}}
    schema = {"type": "object", "properties": {"tags": tags}, "required": ["tags"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "text_tags", "schema": schema}}
    return {"model": "m", "messages": messages, "response_format": wanted, **changes}


async def test_the_answer_is_whole_and_its_tokens_are_the_engines() -> None:
    """The text fits the schema, whatever length was drawn; usage and metrics agree on that."""
    async with serving(QUICK) as (_, client):
        used = 0
        for _ in range(20):
            async with client.post(COMPLETIONS, json=body(max_tokens=30)) as response:
                answer = await response.json()
            assert "naxos" in json.loads(answer["choices"][0]["message"]["content"])["tags"]
            assert 1 <= answer["usage"]["completion_tokens"] <= 30
            used += answer["usage"]["completion_tokens"]
        found = await scrape(client)
    assert found["vllm:generation_tokens_total"] == used
    assert found["vllm:prompt_tokens_total"] == 20 * 7
    assert found["vllm:request_success_total stop"] == 20
    assert found["vllm:kv_cache_usage_perc"] == 0


async def test_a_client_that_leaves_gives_up_its_place() -> None:
    """In the queue and in the batch, as soon as it is gone."""
    async with serving(ENDLESS) as (model, client):
        runs = asyncio.create_task(client.post(COMPLETIONS, json=body()))
        await until_load(client, 1, 0)
        waits = asyncio.create_task(client.post(COMPLETIONS, json=body()))
        await until_load(client, 1, 1)
        async with client.get("/stats") as response:
            stats = await response.json()
        assert (stats["running"], stats["waiting"]) == (1, 1)
        waits.cancel()
        await until_load(client, 1, 0)
        runs.cancel()
        await until_load(client, 0, 0)
        assert model.tally.cancelled == 2
        assert (await scrape(client))["vllm:request_success_total abort"] == 2


async def test_a_full_server_says_503_and_not_when() -> None:
    """In vLLM's words, without `Retry-After`; refusals are counted."""
    async with serving(replace(ENDLESS, max_queued=1)) as (_, client):
        runs = asyncio.create_task(client.post(COMPLETIONS, json=body()))
        await until_load(client, 1, 0)
        async with client.post(COMPLETIONS, json=body()) as response:
            assert response.status == 503
            assert "Retry-After" not in response.headers
            error = (await response.json())["error"]
        assert (error["type"], error["code"]) == ("Service Unavailable", 503)
        assert (await scrape(client))["vllm:admission_rejections_total"] == 1
        runs.cancel()


async def test_a_priority_needs_the_policy() -> None:
    """Without it any but 0 is refused, as is one that is no number at all."""
    by_priority = replace(QUICK, profile=replace(QUICK.profile, by_priority=True))
    for batching, expected in ((QUICK, 400), (by_priority, 200)):
        async with serving(batching) as (_, client):
            for priority, status in ((-3, expected), (0, 200), ("high", 400)):
                async with client.post(COMPLETIONS, json=body(priority=priority)) as response:
                    assert response.status == status


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("text", "TEXT named_metrics.num_requests_waiting=0.0, named_metrics.kv_cache_usage_perc="),
        ("JSON", 'JSON {"named_metrics": {"num_requests_waiting": 0.0, "kv_cache_usage_perc": '),
        ("xml", None),
        (None, None),
    ],
)
async def test_load_is_told_with_an_answer_when_asked_for(
    wanted: str | None, told: str | None
) -> None:
    """In both of vLLM's formats, and in no other."""
    headers = {} if wanted is None else {"endpoint-load-metrics-format": wanted}
    async with (
        serving(QUICK) as (_, client),
        client.post(COMPLETIONS, json=body(), headers=headers) as response,
    ):
        found = response.headers.get("endpoint-load-metrics")
    assert (found is None) if told is None else (found or "").startswith(told)


async def test_faults_work_as_ever() -> None:
    """What was posted comes instead of the next answer."""
    async with serving(QUICK) as (model, client):
        async with client.post("/stand-in/faults", json={"status": 500}) as response:
            assert response.status == 200
        for status in (500, 200):
            async with client.post(COMPLETIONS, json=body()) as response:
                assert response.status == status
        assert model.tally.finished["m", "stop"] == 1
