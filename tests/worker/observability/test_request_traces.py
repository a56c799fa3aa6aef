"""The spans of questions to the model and of requests to Core, and the headers they send."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from shared.config import load_settings
from shared.enums import JobStatus
from shared.schemas import EventCreate, LLMJobUpdate, TagsAddRequest
from tests.tracing import Memory, context, parent_id, said
from worker.config import Settings
from worker.core_api_client import CoreApiClient
from worker.errors import Reject, Retryable, Snooze
from worker.llm.chat import Prompt, Usage
from worker.llm.structured import Asker, schema_question
from worker.model_side import build_llm
from worker.outcome import AddTags, CreateEvent
from worker.tracing import enter

T = TypeVar("T")
SECRET = "the ferry to Naxos"
QUESTION = schema_question("tags", {"type": "object"}, 50)
PROMPT = Prompt(SECRET, SECRET, version="text_tag/3")
JOB = "job"


class Served:
    """A server that writes down requests' headers and gives its replies in turn."""

    def __init__(self, *replies: web.Response) -> None:
        self.replies = list(replies)
        self.headers: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        """Note it, answer it."""
        self.headers.append(dict(request.headers))
        return self.replies.pop(0)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[str]:
        """Its address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")


def chat_reply(text: str, finish: str = "stop") -> web.Response:
    """A completion of ten tokens for seven."""
    return web.json_response(
        {
            "choices": [{"message": {"content": text}, "finish_reason": finish}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 10},
        }
    )


async def within(memory: Memory, work: Awaitable[T]) -> T:
    """Do it within a job's span, in a task that is forgotten afterwards."""

    async def in_job() -> T:
        span = memory.collector.begin(JOB, SpanKind.CONSUMER, {}, Context())
        enter(span)
        try:
            return await work
        finally:
            span.end()

    return await asyncio.create_task(in_job())


async def asked(memory: Memory, url: str) -> Any:
    """A question to the model server there, as a handler asks it."""
    router = build_llm(load_settings(Settings, llm_base_url=f"{url}/v1", llm_text_model="mistral"))
    try:
        return await within(memory, Asker(router, Usage(), "r1")(QUESTION, PROMPT))
    finally:
        await router.close()


# ------------------------------------------------------------------------- the model


async def test_a_question_that_is_asked_again() -> None:
    """One span for both calls, each of which carries it to the server."""
    memory = Memory()
    served = Served(chat_reply(f'["{SECRET}"'), chat_reply('{"a": 1}'))
    async with served.running() as url:
        assert await asked(memory, url) == {"a": 1}
    [job], [span] = memory.named(JOB), memory.named("chat mistral")
    ids = context(span)
    header = f"00-{ids.trace_id:032x}-{ids.span_id:016x}-"
    assert [headers["traceparent"].startswith(header) for headers in served.headers] == [True, True]
    assert parent_id(span) == context(job).span_id
    told = dict(said(span))
    assert isinstance(told.pop("server.port"), int)
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.output.type": "json",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "mistral",
        "gen_ai.request.max_tokens": 50,
        "gen_ai.prompt.name": "text_tag/3",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 14,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "llm_worker.reasks": 1,
        "server.address": "127.0.0.1",
    }
    assert SECRET not in memory.texts


async def test_a_question_that_fails() -> None:
    """The cause, and nothing of the server's words."""
    memory, served = Memory(), Served(web.json_response({"error": SECRET}, status=503))
    async with served.running() as url:
        with pytest.raises((Snooze, Retryable)):
            await asked(memory, url)
    [span] = memory.named("chat mistral")
    assert said(span)["error.type"] == "http_503"
    assert SECRET not in memory.texts


# ------------------------------------------------------------------------- Core


async def test_requests_to_core() -> None:
    """Each with its path, in which there are names in place of ids; each carries its span."""
    memory = Memory()
    served = Served(*(web.json_response([] if n == 3 else {}) for n in range(5)))
    body = EventCreate.model_validate(
        {"owner_user_id": 1, "event_time": "2026-11-21T10:00:00Z", "description": SECRET}
    )

    async def work(core: CoreApiClient) -> None:
        await core.mark_processing("j1")
        await core.apply(AddTags(memory_id="m1", body=TagsAddRequest(tags=["sea"])), key="k1")
        await core.apply(CreateEvent(body=body), key="k2")
        await core.open_tasks(42)
        await core.finish("j1", LLMJobUpdate(status=JobStatus.COMPLETED, result={}), key="k3")

    async with served.running() as url:
        core = CoreApiClient(url)
        try:
            await within(memory, work(core))
        finally:
            await core.close()
    assert [span.name for span in memory.spans] == [
        "PATCH /llm_jobs/{id}",
        "POST /memories/{id}/tags",
        "POST /events",
        "GET /tasks",
        "PATCH /llm_jobs/{id}",
        JOB,
    ]
    carried = [headers["traceparent"].split("-")[2] for headers in served.headers]
    assert carried == [f"{context(span).span_id:016x}" for span in memory.spans[:-1]]
    assert served.headers[0]["Content-Type"] == "application/json"
    assert said(memory.spans[0])["http.response.status_code"] == 200
    assert SECRET not in memory.texts


async def test_a_core_that_refuses() -> None:
    """Its status and the kind of the error; not what it says."""
    memory, served = Memory(), Served(web.json_response({"detail": SECRET}, status=422))
    async with served.running() as url:
        core = CoreApiClient(url)
        try:
            with pytest.raises(Reject):
                await within(memory, core.mark_processing("j1"))
        finally:
            await core.close()
    [span] = memory.named("PATCH /llm_jobs/{id}")
    assert (said(span)["http.response.status_code"], said(span)["error.type"]) == (422, "Reject")
    assert SECRET not in memory.texts


async def test_nobody_traces() -> None:
    """No header is sent."""
    served = Served(web.json_response({}))
    async with served.running() as url:
        core = CoreApiClient(url)
        try:
            await core.mark_processing("j1")
        finally:
            await core.close()
    assert "traceparent" not in served.headers[0]
