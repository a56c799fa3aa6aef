"""Core as a producer, on a real server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from shared import JobType, LLMJobCreate, decode_entry
from worker.embedded.core_api import CoreConfig, create_app
from worker.embedded.core_jobs import job_entry
from worker.embedded.core_ledger import Refused
from worker.embedded.redis_server import RedisServer

Client = TestClient[web.Request, web.Application]
JOB = {"job_type": "text_tag", "user_id": 42, "payload": {"memory_id": "m1", "content": "Naxos"}}
KEY = {"Idempotency-Key": "k"}
redis = pytest.mark.redis


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of this test's own."""
    with RedisServer() as server:
        yield server


@pytest.fixture
async def client(tmp_path: Path, server: RedisServer) -> AsyncIterator[Client]:
    """A client of a Core that publishes there."""
    config = CoreConfig(tmp_path / "core.sqlite3", redis_url=server.url, prefix="{t}")
    async with TestClient(TestServer(create_app(config))) as client:
        yield client


async def _entries(server: RedisServer) -> list[dict[bytes, bytes]]:
    connection = cast("Any", Redis.from_url)(server.url, protocol=2)
    try:
        return [fields for _, fields in await connection.xrange("{t}:text_tag")]
    finally:
        await connection.aclose()


async def _post(client: Client) -> ClientResponse:
    return await client.post("/llm_jobs", json=JOB, headers=KEY)


async def _stats(client: Client) -> dict[str, Any]:
    return await (await client.get("/stats")).json()


def test_a_job_keeps_its_fields() -> None:
    """Id, owner, deadline and tenant reach the entry; an id is made up when there is none."""
    body = JOB | {"job_id": "j1", "deadline": "2030-01-01T00:00:00Z", "tenant": "acme"}
    entry = job_entry(LLMJobCreate.model_validate(body))
    assert (entry.job_id, entry.user_id, entry.tenant) == ("j1", 42, "acme")
    assert entry.deadline == 1_893_456_000
    assert len(job_entry(LLMJobCreate.model_validate(JOB)).job_id) == 32


def test_what_no_worker_could_read_is_refused() -> None:
    """A payload over the worker's limit is refused by Core, where somebody hears of it."""
    schema = {"description": "x" * (1 << 20)}
    body = {"job_type": JobType.EXTRACT, "payload": {"text": "t", "schema": schema}}
    with pytest.raises(Refused, match="payload has"):
        job_entry(LLMJobCreate.model_validate(body))


@redis
async def test_a_job_is_kept_and_published_once(client: Client, server: RedisServer) -> None:
    """A repeated request gives the same job and no second entry."""
    first = await _post(client)
    second = await _post(client)
    job = await first.json()
    assert (first.status, second.status, await second.json()) == (201, 201, job)
    assert (job["status"], job["job_type"]) == ("queued", "text_tag")
    entries = [decode_entry(fields) for fields in await _entries(server)]
    assert [(entry.job_id, entry.payload) for entry in entries] == [(job["job_id"], JOB["payload"])]
    assert await (await client.get(f"/llm_jobs/{job['job_id']}")).json() == job


@redis
async def test_an_id_is_taken_once(client: Client, server: RedisServer) -> None:
    """A second job of the same id is a conflict, and is not published."""
    body = JOB | {"job_id": "j1"}
    statuses = [(await client.post("/llm_jobs", json=body)).status for _ in range(2)]
    assert statuses == [201, 409]
    assert len(await _entries(server)) == 1


@redis
async def test_redis_away_then_back(client: Client, server: RedisServer) -> None:
    """While Redis is away no job is kept; afterwards the same request goes through."""
    server.kill()
    response = await _post(client)
    assert response.status == 503
    assert "Redis did not take the job" in (await response.json())["detail"]
    assert (await _stats(client))["jobs"] == {}
    server.start()
    assert (await _post(client)).status == 201
    assert (await _stats(client))["effects_applied"] == {"create_job": 1}


@redis
async def test_an_impatient_client_is_not_told_too_early(
    tmp_path: Path, server: RedisServer
) -> None:
    """A repeat sent while Redis is silent waits for the first one's fate, and shares it."""
    arrived: asyncio.Queue[str] = asyncio.Queue()
    config = CoreConfig(
        tmp_path / "core.sqlite3",
        redis_url=server.url,
        faults=lambda request: arrived.put_nowait(request.method),
    )
    async with TestClient(TestServer(create_app(config))) as client, asyncio.TaskGroup() as group:
        server.freeze()
        posts: list[asyncio.Task[ClientResponse]] = []
        for _ in range(2):
            posts.append(group.create_task(_post(client)))
            assert await arrived.get() == "POST"
            while (await _stats(client))["jobs"] != {"queued": 1}:
                assert await arrived.get() == "GET"
            assert await arrived.get() == "GET"
        server.kill()
        responses = [await post for post in posts]
        assert [response.status for response in responses] == [503, 503]
        assert (await _stats(client))["jobs"] == {}
