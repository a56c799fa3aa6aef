"""The reference Core REST API, for the demo and for tests: every call the worker makes, honestly
carried out, and what people need to look at the results. It knows no passwords and no rights;
it is not a Core to put on the Internet.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from shared import (
    EventCreate,
    JobStatus,
    LLMJobCreate,
    LLMJobUpdate,
    TagsAddRequest,
    TaskState,
)
from worker.embedded.core_database import open_database
from worker.embedded.core_jobs import Publisher, job_entry
from worker.embedded.core_ledger import Refused
from worker.embedded.core_requests import (
    Handler,
    read_body,
    read_call,
    read_id,
    read_query,
    refusals_as_json,
    respond,
    respond_json,
)
from worker.embedded.core_store import CoreStore

BODY_MAX_BYTES = 4 * 1024 * 1024
_Limit = Annotated[int, Field(ge=1, le=10_000)]


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """How a Core is set up."""

    database: Path
    """The SQLite file; made and seeded when it is not there."""
    redis_url: str | None = None
    """Where `POST /llm_jobs` publishes; without it that call answers 503."""
    prefix: str = "llm"
    strict: bool = False
    """Answer 404 for a job or memory never seen, instead of making it."""
    faults: Callable[[web.Request], web.Response | None] | None = None
    """For tests: asked before each request; a response it returns is the answer."""


@dataclass(slots=True)
class _Core:
    store: CoreStore
    publisher: Publisher
    requests: int = 0
    publishing: asyncio.Lock = field(default_factory=asyncio.Lock)


_CORE = web.AppKey("core", _Core)


def create_app(config: CoreConfig) -> web.Application:
    """A Core; its database is opened when the application starts, and closed when it ends."""

    async def running(app: web.Application) -> AsyncIterator[None]:
        with closing(open_database(config.database)) as connection:
            publisher = Publisher(config.redis_url, config.prefix)
            app[_CORE] = _Core(CoreStore(connection, strict=config.strict), publisher)
            yield
            await publisher.close()

    @web.middleware
    async def count_and_fail(request: web.Request, handler: Handler) -> web.StreamResponse:
        request.app[_CORE].requests += 1
        fault = config.faults(request) if config.faults else None
        return await handler(request) if fault is None else fault

    app = web.Application(
        client_max_size=BODY_MAX_BYTES, middlewares=[refusals_as_json, count_and_fail]
    )
    app.cleanup_ctx.append(running)
    app.add_routes(_ROUTES)
    return app


# --------------------------------------------------------------------------------- jobs


async def _post_job(request: web.Request) -> web.Response:
    core = request.app[_CORE]
    body = await read_body(request, LLMJobCreate)
    entry = job_entry(body)
    call = read_call(request)
    # One at a time: a client that grows impatient while Redis is silent and sends its request
    # again must hear what became of the job, not that it is there for now.
    async with core.publishing:
        answer = core.store.ledger.once(
            call, 201, lambda: core.store.create_job(body.job_type, entry)
        )
        if not answer.replayed:
            try:
                await core.publisher.publish(body.job_type, entry)
            except BaseException as error:  # also when this server is stopped meanwhile
                undone = core.store.withdraw_job(entry.job_id, call)
                if undone or not isinstance(error, Refused):
                    raise
    return respond(answer)


async def _patch_job(request: web.Request) -> web.Response:
    store = request.app[_CORE].store
    job_id = read_id(request)
    update = await read_body(request, LLMJobUpdate)
    return respond(
        store.ledger.once(read_call(request), 200, lambda: store.update_job(job_id, update))
    )


async def _get_job(request: web.Request) -> web.Response:
    return respond_json(request.app[_CORE].store.job(read_id(request)))


class _JobsQuery(BaseModel):
    status: JobStatus | None = None
    limit: _Limit = 100


async def _get_jobs(request: web.Request) -> web.Response:
    query = read_query(request, _JobsQuery)
    return respond_json(request.app[_CORE].store.jobs(query.status, query.limit))


# ------------------------------------------------------------- memories, events, tasks


async def _post_tags(request: web.Request) -> web.Response:
    store = request.app[_CORE].store
    memory_id = read_id(request)
    body = await read_body(request, TagsAddRequest)
    return respond(
        store.ledger.once(read_call(request), 201, lambda: store.add_tags(memory_id, body))
    )


async def _get_memory(request: web.Request) -> web.Response:
    return respond_json(request.app[_CORE].store.memory(read_id(request)))


async def _post_event(request: web.Request) -> web.Response:
    store = request.app[_CORE].store
    body = await read_body(request, EventCreate)
    return respond(store.ledger.once(read_call(request), 201, lambda: store.create_event(body)))


class _EventsQuery(BaseModel):
    owner_user_id: int | None = None
    limit: _Limit = 1_000


async def _get_events(request: web.Request) -> web.Response:
    query = read_query(request, _EventsQuery)
    return respond_json(request.app[_CORE].store.events(query.owner_user_id, query.limit))


class _TasksQuery(BaseModel):
    owner_user_id: int
    state: TaskState | None = None


async def _get_tasks(request: web.Request) -> web.Response:
    query = read_query(request, _TasksQuery)
    tasks = request.app[_CORE].store.tasks(query.owner_user_id, query.state)
    return respond_json([task.model_dump(mode="json") for task in tasks])


async def _get_users(request: web.Request) -> web.Response:
    return respond_json(request.app[_CORE].store.users())


# ------------------------------------------------------------------------- about itself


async def _get_health(request: web.Request) -> web.Response:
    request.app[_CORE].store.users()  # the database answers
    return respond_json({"status": "ok", "about": "reference Core for demo and tests"})


async def _get_stats(request: web.Request) -> web.Response:
    core = request.app[_CORE]
    return respond_json({"requests": core.requests} | core.store.stats())


_ROUTES = [
    web.post("/llm_jobs", _post_job),
    web.get("/llm_jobs", _get_jobs),
    web.patch("/llm_jobs/{id}", _patch_job),
    web.get("/llm_jobs/{id}", _get_job),
    web.get("/memories/{id}", _get_memory),
    web.post("/memories/{id}/tags", _post_tags),
    web.post("/events", _post_event),
    web.get("/events", _get_events),
    web.get("/tasks", _get_tasks),
    web.get("/users", _get_users),
    web.get("/health", _get_health),
    web.get("/stats", _get_stats),
]
