"""The stand-in's HTTP face: vLLM's endpoints and error bodies, plus two of its own for tests.

POST /v1/chat/completions   GET /v1/models   GET /health   GET /metrics
GET /stats                  what was asked so far
POST /stand-in/faults       how the next completions fail, see `model_faults.Fault`
"""

import asyncio
import inspect
import itertools
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import JsonValue, ValidationError

from worker.embedded.model_answers import answer
from worker.embedded.model_batching import Batching, BatchingEngine
from worker.embedded.model_engine import Engine, Refused, SlotEngine
from worker.embedded.model_faults import Fault, FaultQueue, fault_response
from worker.embedded.model_load import LOAD_FORMAT_HEADER, load_header
from worker.embedded.model_replay import Replay, fail_again, replied
from worker.embedded.model_request import (
    ChatCall,
    Refusal,
    count_tokens,
    cut_to_tokens,
    read_chat_call,
)
from worker.embedded.model_schema import UnfitSchema
from worker.embedded.model_tally import Call, Tally

SHUTDOWN_S = 1.0
_BODY_MAX_BYTES = 64 * 1024 * 1024
_MARK = "stand-in"
_CANARY = "canary"
"""The schema of the worker's own question at its start."""

FaultHook = Callable[
    [dict[str, JsonValue]],
    web.StreamResponse | Awaitable[web.StreamResponse | None] | None,
]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """How a stand-in behaves."""

    models: tuple[str, ...] = ("mistral", "llava")
    max_model_len: int = 8192
    """Tokens a prompt may have."""
    latency_s: float = 0.0
    """What a completion takes, queueing aside."""
    slots: int = 256
    """Completions at once; more of them wait."""
    api_key: str | None = None
    faults: FaultHook | None = None
    """Sees every completion's body; a response it gives is sent instead of an answer."""
    replay: Replay | None = None
    """Recorded calls: what was asked then is answered as it was answered then."""
    batching: Batching | None = None
    """Takes the time a batching server takes, in place of `latency_s` and `slots`."""


class StandIn:
    """One stand-in: its endpoints and what they share."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        self._ids = itertools.count(1)
        self.faults = FaultQueue()
        self.tally = Tally(config.models, config.slots * config.max_model_len)
        self.engine: Engine = (
            SlotEngine(config.slots, config.latency_s, self.tally)
            if config.batching is None
            else BatchingEngine(config.batching, self.tally)
        )

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/chat/completions`."""
        try:
            body: JsonValue = json.loads(await request.read())
        except ValueError:
            return _refuse(Refusal(400, "The body is not JSON."))
        call = read_chat_call(body, self._config.max_model_len)
        if isinstance(call, Refusal):
            return _refuse(call)
        if call.model not in self._config.models:
            message = f"The model `{call.model}` does not exist."
            return _refuse(Refusal(404, message, "NotFoundError", "model"))
        request_id = request.headers.get("X-Request-Id", "")
        if call.schema_name != _CANARY:  # no job's, and so nobody's to account for
            self.tally.count_call(
                Call(
                    model=call.model,
                    schema_name=call.schema_name,
                    text=call.user,
                    request_id=request_id,
                )
            )
        try:
            async with self.engine.turn(call):
                response = await self._run(call, body if isinstance(body, dict) else {}, request)
        except Refused as refused:
            return _refuse(refused.refusal)
        except asyncio.CancelledError:
            self.tally.count_answer(call.model, "abort", 0, 0)
            raise
        wanted = request.headers.get(LOAD_FORMAT_HEADER, "")
        response.headers.update(load_header(wanted, self.engine.waiting, self.engine.cache_use))
        return response

    async def models(self, _request: web.Request) -> web.Response:
        """`GET /v1/models`."""
        models = [
            {
                "id": model,
                "object": "model",
                "owned_by": _MARK,
                "max_model_len": self._config.max_model_len,
            }
            for model in self._config.models
        ]
        return web.json_response({"object": "list", "data": models})

    async def health(self, _request: web.Request) -> web.Response:
        """`GET /health`: empty, as vLLM's is."""
        return web.Response()

    async def metrics(self, _request: web.Request) -> web.Response:
        """`GET /metrics`."""
        return web.Response(text=self.engine.metrics())

    async def stats(self, _request: web.Request) -> web.Response:
        """`GET /stats`."""
        now: dict[str, JsonValue] = {"running": self.engine.running, "waiting": self.engine.waiting}
        return web.json_response(self.tally.stats() | now)

    async def add_fault(self, request: web.Request) -> web.Response:
        """`POST /stand-in/faults`: 422 for what is no fault."""
        try:
            self.faults.add(Fault.model_validate_json(await request.read()))
        except ValidationError as error:
            return web.json_response({"error": str(error)}, status=422)
        return web.json_response({"queued": len(self.faults)})

    async def _run(
        self, call: ChatCall, body: dict[str, JsonValue], request: web.Request
    ) -> web.StreamResponse:
        if self._config.faults is not None:
            made = self._config.faults(body)
            instead = await made if inspect.isawaitable(made) else made
            if instead is not None:
                return instead
        fault = None if call.schema_name == _CANARY else self.faults.take()
        tokens = await self.engine.generate(call, fault.hang_s if fault else 0.0)
        failed = fault_response(fault) if fault is not None else None
        if failed is not None:
            return failed
        if fault is None and self._config.replay is not None:
            again = await self._again(self._config.replay, call, body, request)
            if again is not None:
                return again
        try:
            text = answer(call, datetime.now(UTC)) if fault is None or fault.text is None else None
        except UnfitSchema as unfit:
            return _refuse(Refusal(400, f"Failed to compile the grammar: {unfit}"))
        if text is None and fault is not None:
            return self._completion(call, fault.text or "", fault.finish_reason, tokens)
        return self._completion(call, text or "", "stop", tokens)

    async def _again(
        self, replay: Replay, call: ChatCall, body: dict[str, JsonValue], request: web.Request
    ) -> web.StreamResponse | None:
        """What came of the same request when it was recorded."""
        record = replay.take(body)
        if record is None:
            return None
        if record.error is not None:
            return await fail_again(record.error, request)
        reply = record.reply
        if reply is None:
            return None
        self.tally.count_answer(call.model, reply.finish_reason, reply.tokens_in, reply.tokens_out)
        return web.json_response({**replied(reply), "model": call.model})

    def _completion(
        self, call: ChatCall, text: str, reason: str, generated: int | None
    ) -> web.Response:
        tokens = count_tokens(text)
        if call.max_tokens is not None and tokens > call.max_tokens:
            text, tokens, reason = cut_to_tokens(text, call.max_tokens), call.max_tokens, "length"
        if generated is not None:  # an engine has a length of its own for what it was asked
            tokens = generated
        self.tally.count_answer(call.model, reason, call.prompt_tokens, tokens)
        message = {"role": "assistant", "content": text}
        body = {
            "id": f"chatcmpl-{_MARK}-{next(self._ids)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": call.model,
            "system_fingerprint": _MARK,
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {
                "prompt_tokens": call.prompt_tokens,
                "completion_tokens": tokens,
                "total_tokens": call.prompt_tokens + tokens,
            },
        }
        return web.json_response(body)


STAND_IN: web.AppKey[StandIn] = web.AppKey("stand_in", StandIn)
"""Where tests find the stand-in behind an app: `app[STAND_IN].tally`."""


def create_app(config: ModelConfig) -> web.Application:
    """The stand-in as an app; run it with `handler_cancellation=True`, as `run_model` does."""
    stand_in = StandIn(config)
    app = web.Application(middlewares=[_key_guard(config)], client_max_size=_BODY_MAX_BYTES)
    app[STAND_IN] = stand_in
    app.cleanup_ctx.append(_background)
    app.router.add_post("/v1/chat/completions", stand_in.complete)
    app.router.add_get("/v1/models", stand_in.models)
    app.router.add_get("/health", stand_in.health)
    app.router.add_get("/metrics", stand_in.metrics)
    app.router.add_get("/stats", stand_in.stats)
    app.router.add_post("/stand-in/faults", stand_in.add_fault)
    return app


async def _background(app: web.Application) -> AsyncGenerator[None]:
    running = asyncio.create_task(app[STAND_IN].engine.run())
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class RunningModel:
    """A stand-in that answers; `url` has no path: the API is under `/v1`."""

    url: str
    tally: Tally
    faults: FaultQueue


@asynccontextmanager
async def run_model(
    config: ModelConfig, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[RunningModel]:
    """Serve a stand-in for as long as the context lasts; port 0 takes a free one.

    Raises:
        OSError: the address is taken.
    """
    app = create_app(config)
    # without handler_cancellation a client that went away would keep its slot to the end
    runner = web.AppRunner(
        app, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S, access_log=None
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound: int = runner.addresses[0][1]
        stand_in = app[STAND_IN]
        yield RunningModel(f"http://{host}:{bound}", stand_in.tally, stand_in.faults)
    finally:
        await runner.cleanup()


def _key_guard(config: ModelConfig) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Ask for the key where vLLM does: under `/v1` only."""
        wanted = f"Bearer {config.api_key}"
        is_guarded = config.api_key is not None and request.path.startswith("/v1")
        if is_guarded and request.headers.get("Authorization") != wanted:
            return web.json_response({"error": "Unauthorized"}, status=401)
        return await handler(request)

    return guard


def _refuse(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.body(), status=refusal.status)
