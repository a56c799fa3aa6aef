"""OpenAIChat against a real server: what goes out, what comes back, what is never done."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from openai import AsyncOpenAI

from shared.enums import FailureReason
from tests.worker.llm.model_servers import (
    GOOD,
    KEY,
    MODELS,
    answering,
    chat_request,
    chatting,
    failure,
    serving,
)
from worker.errors import Halt, Reject, Retryable, Snooze
from worker.llm.chat import ChatRequest, Completion, PreparedImage, Prompt
from worker.llm.chat_wire import ModelCard
from worker.llm.client import OpenAIChat


async def test_one_call_from_end_to_end() -> None:
    """The path, the headers, the body, and the completion that comes of it."""
    seen: list[tuple[web.Request, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request, await request.json()))
        return web.json_response(GOOD)

    async with serving(answer) as chat:
        assert await chat.complete(chat_request()) == Completion(
            '{"a":1}', "stop", 7, 2, provider="vllm", model="mistral"
        )
    ((request, body),) = seen
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Request-Id"] == "job-1"
    assert request.headers["Accept-Encoding"] == "identity"
    told = {name.lower() for name in request.headers}
    assert not told & {"x-stainless-os", "x-stainless-arch", "x-stainless-runtime-version"}
    assert body["model"] == "mistral"
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}


async def test_a_picture_goes_to_the_vision_model() -> None:
    """The role of the prompt picks the model."""
    bodies: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.json_response(GOOD)

    prompt = Prompt("s", "u", PreparedImage(b"x" * 300_000, "image/jpeg", 1, 1))
    async with serving(answer) as chat:
        await chat.complete(ChatRequest(prompt, "tags", {}, 50, 20.0))
    assert bodies[0]["model"] == "llava"
    assert bodies[0]["messages"][1]["content"][1]["image_url"]["url"].startswith("data:image/jpeg")


async def test_a_question_is_signed_as_the_sdk_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes past the SDK, with the headers that the SDK would send; those of an account too."""
    monkeypatch.setenv("OPENAI_ORG_ID", "our-org")
    seen: list[dict[str, str]] = []
    of_transport = {"connection", "accept-encoding", "content-length"}

    async def answer(request: web.Request) -> web.Response:
        names = {name.lower(): value for name, value in request.headers.items()}
        seen.append({k: v for k, v in names.items() if not k.startswith("x-stainless")})
        return web.json_response(GOOD)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with TestServer(app) as server:
        url = str(server.make_url("/v1"))
        async with chatting(url) as ours, AsyncOpenAI(base_url=url, api_key=KEY) as theirs:
            await ours.complete(chat_request(request_id=""))
            await theirs.post("/chat/completions", cast_to=object, body={})
    mine, sdk = ({k: v for k, v in each.items() if k not in of_transport} for each in seen)
    assert mine == sdk | {"user-agent": "llm-worker"}
    assert mine["openai-organization"] == "our-org"


@pytest.mark.parametrize("request_id", ["größe", "a\u202eb", "x" * 200, "%", '"'])
async def test_any_job_id_fits_into_the_header(request_id: str) -> None:
    """Job ids are free text; a header is not."""
    async with serving(answering(200, body=b'{"choices": []}')) as chat:
        with pytest.raises(Retryable, match="choices"):
            await chat.complete(chat_request(request_id=request_id))


async def test_calls_share_a_connection() -> None:
    """The pool keeps a connection for the next call."""
    ports: set[object] = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return web.json_response(GOOD)

    async with serving(answer) as chat:
        for _ in range(3):
            await chat.complete(chat_request())
    assert len(ports) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_no_call_is_made_twice(status: int) -> None:
    """The queue retries, and it alone."""
    calls: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=status)

    async with serving(answer) as chat:
        await failure(chat)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("header", "wait"), [("7", 7.0), ("Mon, 04 May 2026 12:00:30 GMT", 30.0), ("9999", 120.0)]
)
async def test_overload_waits_as_long_as_the_server_says(header: str, wait: float) -> None:
    """Both forms of Retry-After, capped."""
    async with serving(answering(503, headers={"Retry-After": header}, text="full")) as chat:
        error = await failure(chat)
    assert isinstance(error, Snooze)
    assert (error.after_s, str(error)) == (wait, "the model server answered 503: full")


async def test_statuses_reach_the_table() -> None:
    """A refused key, an unknown model and an over-long prompt, each with its own words."""
    async with serving(answering(401, text=f"bad key {KEY}")) as chat:
        assert "LLM_API_KEY" in str(await failure(chat))
    unknown = '{"error": {"message": "The model `mistral` does not exist.", "param": "model"}}'
    async with serving(answering(404, text=unknown)) as chat:
        assert isinstance(await failure(chat), Halt)
    too_long = '{"error": {"message": "too many tokens", "param": "input_tokens"}}'
    async with serving(answering(400, text=too_long)) as chat:
        error = await failure(chat)
    assert isinstance(error, Reject)
    assert error.reason is FailureReason.MODEL_REFUSED
    assert "too long for mistral" in str(error)


@pytest.mark.parametrize("status", [200, 204])
async def test_a_page_instead_of_an_answer_may_pass(status: int) -> None:
    """A proxy's page with 200, or nothing at all, fails this try only."""
    page = None if status == 204 else "<html>Welcome</html>"
    async with serving(answering(status, text=page, content_type="text/html")) as chat:
        error = await failure(chat)
    assert isinstance(error, Retryable)
    assert "cannot be read" in str(error)


async def test_redirects_are_not_followed() -> None:
    """Private text goes to the configured address or nowhere."""
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with serving(answer) as chat:
        assert isinstance(await failure(chat), Halt)
    assert paths == ["/v1/chat/completions"]


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model server is reached directly."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(answering(200, body=b'{"data": [{"id": "mistral"}]}')) as chat:
        assert await chat.models() == [ModelCard("mistral")]


async def test_models_fail_like_calls() -> None:
    """`check` and `/ready` get the same four errors."""
    async with serving(answering(404)) as chat:
        with pytest.raises(Halt, match="LLM_BASE_URL"):
            await chat.models()
    async with serving(answering(200, text="<html>")) as chat:
        with pytest.raises(Retryable, match="cannot be read"):
            await chat.models()


@pytest.mark.parametrize(
    ("url", "key", "setting"),
    [
        ("http://127.0.0.1:1/v1", "schlüssel", "LLM_API_KEY"),
        ("http://127.0.0.1:1/v1", "two\nlines", "LLM_API_KEY"),
        ("http://127.0.0.1:port/v1", KEY, "LLM_BASE_URL"),
        ("http://user:hidden@127.0.0.1:1/v1", KEY, "LLM_BASE_URL"),
        ("localhost:8080/v1", KEY, "LLM_BASE_URL"),
        ("http:///v1", KEY, "LLM_BASE_URL"),
        ("", KEY, "LLM_BASE_URL"),
    ],
)
def test_settings_that_cannot_work_halt_at_once(url: str, key: str, setting: str) -> None:
    """A client that could never call is not made, and the message shows no secret."""
    with pytest.raises(Halt, match=setting) as caught:
        OpenAIChat(url, key, MODELS, 1)
    assert key not in str(caught.value)
    assert "hidden" not in str(caught.value)


async def _pinged(*known: str, base: str = "/v1") -> list[str]:
    """The paths that a ping asks for, of a server that has these and says 404 to the rest."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path not in known:
            return web.Response(status=404)
        return web.json_response({"data": [{"id": "m"}]})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, chatting(str(server.make_url(base))) as chat:
        await chat.ping()
    return asked


async def test_health_beside_the_api() -> None:
    """Behind a gateway's prefix it lies behind the prefix too."""
    assert await _pinged("/health") == ["/health"]
    assert await _pinged("/gpu/health", base="/gpu/v1") == ["/gpu/health"]


async def test_no_health_address_is_no_fault() -> None:
    """Gateways and other servers that speak like vLLM: then the list of models tells."""
    assert await _pinged("/v1/models") == ["/health", "/v1/models"]


async def test_neither_is_one() -> None:
    """Nothing at all at this address: the setting is named."""
    with pytest.raises(Halt, match="LLM_BASE_URL"):
        await _pinged()
