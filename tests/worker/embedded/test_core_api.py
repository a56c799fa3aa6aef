"""The reference Core over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from worker.embedded.core_api import BODY_MAX_BYTES, CoreConfig, create_app

Client = TestClient[web.Request, web.Application]
EVENT = {"owner_user_id": 42, "event_time": "2026-06-01T09:00:00+03:00", "description": "Ferry"}
JOB = {"job_type": "followup", "payload": {"message": "Remind me"}}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a Core without Redis."""
    app = create_app(CoreConfig(tmp_path / "core.sqlite3"))
    async with TestClient(TestServer(app)) as client:
        yield client


async def _json(response: ClientResponse, status: int = 200) -> Any:
    assert response.status == status, await response.text()
    return await response.json()


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_a_repeated_request_changes_nothing(client: Client) -> None:
    """The same key gives the same answer, says that it is a replay, and makes no second event."""
    first = await client.post("/events", json=EVENT, headers=_key("k"))
    second = await client.post("/events", json=EVENT, headers=_key("k"))
    assert await _json(first, 201) == await _json(second, 201)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(await _json(await client.get("/events?owner_user_id=42"))) == 1


async def test_requests_at_the_same_time_apply_once(client: Client) -> None:
    """Of many equal requests in flight together one is carried out."""
    responses = await asyncio.gather(
        *(client.post("/events", json=EVENT, headers=_key("k")) for _ in range(10))
    )
    assert len({await response.text() for response in responses}) == 1
    stats = await _json(await client.get("/stats"))
    assert (stats["replays"], stats["effects_applied"]) == (9, {"create_event": 1})


async def test_the_life_of_a_job(client: Client) -> None:
    """Processing, completed, a late processing, a replay of the end, another end."""
    path, done = "/llm_jobs/j1", {"status": "completed", "result": {"question": "When?"}}
    await _json(await client.patch(path, json={"status": "processing"}, headers=_key("j1:p")))
    await _json(await client.patch(path, json=done, headers=_key("j1:final")))
    late = await _json(await client.patch(path, json={"status": "processing"}))
    assert late["status"] == "completed"
    again = await client.patch(path, json=done, headers=_key("j1:final"))
    assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true")
    other = await client.patch(path, json=done, headers=_key("j1:other"))
    assert await _json(other, 409) == {"detail": "job 'j1' is completed already"}
    job = await _json(await client.get(path))
    assert (job["result"], job["final_count"]) == ({"question": "When?"}, 1)
    stats = await _json(await client.get("/stats"))
    assert stats["effects_applied"] == {"job_processing": 1, "job_completed": 1}
    assert stats["jobs"] == {"completed": 1}
    assert stats["requests"] == 7


@pytest.mark.parametrize("moment", ["2026-06-01", "2026-06-01T09:00:00+03:00"])
async def test_an_event_keeps_its_time(client: Client, moment: str) -> None:
    """A day stays a day, and a moment keeps its offset."""
    await _json(await client.post("/events", json=EVENT | {"event_time": moment}), 201)
    (event,) = await _json(await client.get("/events?owner_user_id=42"))
    assert event["event_time"] == moment


async def test_tags_and_reads(client: Client) -> None:
    """What is written can be read, and what was seeded too."""
    body = {"tags": ["sea", "sea"], "status": "suggested"}
    memory = await _json(await client.post("/memories/m3/tags", json=body), 201)
    assert memory == await _json(await client.get("/memories/m3"))
    assert memory["tags"] == [{"tag": "sea", "status": "suggested"}]
    tasks = await _json(await client.get("/tasks?owner_user_id=7&state=NOT_DONE"))
    assert {task["description"] for task in tasks} >= {"Buy a birthday present for Anna"}
    assert [user["id"] for user in await _json(await client.get("/users"))] == [7, 42]
    assert (await _json(await client.get("/health")))["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("POST", "/events", b"{", 400, "not JSON"),
        ("POST", "/events", b'{"owner_user_id": NaN}', 400, "not JSON"),
        ("POST", "/events", b"[]", 422, "should be an object"),
        ("POST", "/events", b"{}", 422, "owner_user_id: Field required"),
        ("PATCH", "/llm_jobs/j1", b'{"status": "queued"}', 422, "status: Input should be"),
        ("PATCH", "/llm_jobs/..%2Fj1", b'{"status": "failed"}', 422, "id: "),
        (
            "PATCH",
            "/llm_jobs/j1",
            b'{"status": "completed", "result": {"n": 1e999}}',
            422,
            "too large",
        ),
        ("POST", "/memories/m1/tags", b'{"tags": []}', 422, "tags: List should have"),
        ("GET", "/tasks", b"", 422, "owner_user_id: Field required"),
        ("GET", "/events?owner_user_id=99999999999999999999", b"", 422, "63 bits"),
        ("GET", "/llm_jobs?status=asleep", b"", 422, "status: "),
        ("GET", "/llm_jobs?limit=0", b"", 422, "limit: "),
        ("GET", "/llm_jobs/nobody", b"", 404, "no job 'nobody'"),
        ("GET", "/memories/nothing", b"", 404, "no memory"),
        ("GET", "/nowhere", b"", 404, "Not Found"),
        ("DELETE", "/events", b"", 405, "Method Not Allowed"),
        ("POST", "/llm_jobs", b'{"job_type": "sing", "payload": {}}', 422, "job_type: "),
        (
            "POST",
            "/llm_jobs",
            b'{"job_type": "text_tag", "payload": {"memory_id": "m1"}}',
            422,
            "payload.content: Field required",
        ),
        (
            "POST",
            "/llm_jobs",
            b'{"job_type": "followup", "payload": {"message": "?"}, "user_id": 1%s}' % (b"0" * 20),
            422,
            "user_id",
        ),
        (
            "POST",
            "/llm_jobs",
            b'{"job_type": "followup", "payload": {"message": "?", "x": 1e999}}',
            422,
            "Infinity",
        ),
    ],
)
async def test_bad_requests_have_reasons(
    client: Client, method: str, path: str, body: bytes, status: int, reason: str
) -> None:
    """Each gets its status and a sentence, and nothing has changed."""
    response = await client.request(method, path, data=body)
    assert reason in (await _json(response, status))["detail"]
    stats = await _json(await client.get("/stats"))
    assert (stats["effects_applied"], stats["jobs"]) == ({}, {})


async def test_a_large_body_is_refused(client: Client) -> None:
    """More than 4 MiB is too much, a little less is not."""
    refused = await client.patch("/llm_jobs/j1", data=BytesIO(b" " * (BODY_MAX_BYTES + 1)))
    assert "exceeded" in (await _json(refused, 413))["detail"]
    text = BytesIO(b'{"status": "completed"}'.ljust(BODY_MAX_BYTES - 1))
    await _json(await client.patch("/llm_jobs/j1", data=text))


async def test_without_redis_no_job_is_left(client: Client) -> None:
    """A job that cannot be published is not kept, and its key may be used again."""
    for _ in range(2):
        response = await client.post("/llm_jobs", json=JOB, headers=_key("k"))
        assert "without a Redis URL" in (await _json(response, 503))["detail"]
    stats = await _json(await client.get("/stats"))
    assert (stats["effects_applied"], stats["jobs"], stats["replays"]) == ({}, {}, 0)


async def test_strict_core_knows_only_what_it_has(tmp_path: Path) -> None:
    """Unknown jobs and memories are 404, also with a key, and may exist later."""
    app = create_app(CoreConfig(tmp_path / "core.sqlite3", strict=True))
    async with TestClient(TestServer(app)) as client:
        update = {"status": "failed", "error_message": "no"}
        for _ in range(2):
            response = await client.patch("/llm_jobs/j1", json=update, headers=_key("k"))
            assert response.status == 404
        tags = await client.post("/memories/m99/tags", json={"tags": ["sea"]})
        assert tags.status == 404


async def test_faults_come_first(tmp_path: Path) -> None:
    """A test can have any request fail, and what fails is not applied."""
    faults = [web.Response(status=503, headers={"Retry-After": "1"})]
    config = CoreConfig(
        tmp_path / "core.sqlite3",
        faults=lambda request: faults.pop() if faults and request.method == "POST" else None,
    )
    async with TestClient(TestServer(create_app(config))) as client:
        assert (await client.post("/events", json=EVENT, headers=_key("k"))).status == 503
        assert await _json(await client.get("/events")) == []
        response = await client.post("/events", json=EVENT, headers=_key("k"))
        assert (response.status, "Idempotency-Replayed" in response.headers) == (201, False)


async def test_records_outlive_the_process(tmp_path: Path) -> None:
    """After a restart the answers are still remembered."""
    for expected in ("", "true"):
        app = create_app(CoreConfig(tmp_path / "core.sqlite3"))
        async with TestClient(TestServer(app)) as client:
            response = await client.post("/events", json=EVENT, headers=_key("k"))
            assert response.headers.get("Idempotency-Replayed", "") == expected
