"""Whoever counts requests to Core is told of each, by its route and how it ended."""

import asyncio
import socket
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.enums import JobStatus
from shared.schemas import LLMJobUpdate, TagsAddRequest
from tests.builders import until
from worker.core_api_client import CoreApiClient
from worker.errors import JobError, Reject, Snooze
from worker.outcome import AddTags

DONE = LLMJobUpdate(status=JobStatus.COMPLETED, result={})


@dataclass
class Told:
    """Writes down what it is told."""

    ends: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def __call__(self, route: str, outcome: str, seconds: float) -> None:
        """One more."""
        assert seconds >= 0
        self.ends.append((route, outcome))


async def test_each_request_by_its_route_and_its_end() -> None:
    """Not by its path, which has an id in it; a cancelled one is told of, too."""
    statuses, asked, told = [200, 404, 503], list[str](), Told()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if not statuses:
            await asyncio.Event().wait()
        return web.Response(status=statuses.pop(0))

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    async with TestServer(app) as server:
        client = CoreApiClient(str(server.make_url("/")), observed=told)
        await client.mark_processing("j1")
        with pytest.raises(Reject):
            await client.finish("j1", DONE, key="k")
        tags = AddTags(memory_id="m1", body=TagsAddRequest(tags=["sea"]))
        with pytest.raises(Snooze):
            await client.apply(tags, key="k")
        waiting = asyncio.create_task(client.open_tasks(42))
        await until(lambda: len(asked) == 4)
        waiting.cancel()
        await asyncio.wait({waiting})
        await client.close()
    assert told.ends == [
        ("/llm_jobs/{id}", "ok"),
        ("/llm_jobs/{id}", "http_404"),
        ("/memories/{id}/tags", "http_503"),
        ("/tasks", "cancelled"),
    ]


async def test_nobody_answers() -> None:
    """Not in time, and then there is nobody at all."""
    told = Told()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = CoreApiClient(url, timeout_s=0.05, observed=told)
        with pytest.raises(JobError):
            await client.mark_processing("j1")
    with pytest.raises(JobError):
        await client.mark_processing("j1")
    await client.close()
    assert [outcome for _, outcome in told.ends] == ["timeout", "connection_error"]
