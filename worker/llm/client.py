"""Calls to an OpenAI-compatible server. Only this knows the `openai` package.

The SDK knows how a request is signed, and asks what is asked now and then. Questions go past it,
with a ready body and the headers it would send: `chat.completions.create` takes ten times as much
CPU, its generic `post` four times. Its retries are off: the queue retries, and two layers would
multiply.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import httpx2
from aiohttp import ClientError
from openai import APIStatusError, AsyncOpenAI, DefaultAioHttpClient, OpenAIError
from openai import Timeout as NetworkTimeout

from worker.errors import Halt, Reject
from worker.llm.causes import http_cause
from worker.llm.chat import ChatRequest, Completion, ModelRole
from worker.llm.chat_wire import ModelCard, read_completion, read_models, request_body
from worker.llm.errors import ErrorReply, Target, status_error, transport_error
from worker.llm.model_http import CONNECT_TIMEOUT_S, ModelHttp, Reply
from worker.llm.providers import PROVIDERS, Provider
from worker.llm_config import ProviderName
from worker.tracing import current

MAX_REPLY_BYTES = 2 * 1_048_576
"""No answer is near it (4,096 tokens are some 20 KB), and more could not be read in a blink."""
MAX_LIST_BYTES = 16 * 1_048_576
"""Of a list of models, which some providers have thousands of."""
MAX_LOAD_BYTES = 1_048_576
"""Of the metrics; a server with many models has some 200 KB."""
# ClientError and OSError (which a timeout is): the transport knows most of them, not all.
_CALL_ERRORS = (OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ClientError, OSError)
# Many servers and gateways speak like vLLM and have no `/health`.
_NO_SUCH_ADDRESS = frozenset({http_cause(404), http_cause(405)})
_REFUSED_FIELD = frozenset({http_cause(400), http_cause(422)})
_HEADER_SAFE = "!#$&'()*+,/:;=?@[]~"


class OpenAIChat:
    """An LLM behind an OpenAI-compatible API; one for the life of the process.

    Concurrency is the caller's to limit: who waits for a connection waits within its timeout.

    Attributes:
        structure: how answers get their shape; the preset's way, until something else is found to
            work.
        takes_priority: whether the server is sent the priority of a request; until it refuses that.

    Raises:
        Halt: the key cannot be sent in a header, or the address cannot be read.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        models: Mapping[ModelRole, str],
        max_connections: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        provider: Provider = PROVIDERS[ProviderName.VLLM],
    ) -> None:
        if not (api_key.isascii() and api_key.isprintable()):
            raise Halt("LLM_API_KEY: only printable ASCII characters can be sent")
        self._url = _usable_address(base_url)
        # Whole, as the SDK would put it together anew for each call.
        self._chat_url = f"{self._url.rstrip('/')}/chat/completions"
        self._secret = api_key
        self._models = dict(models)
        self._provider = provider
        self._now = now
        self.structure = provider.structure
        self.takes_priority = provider.priorities
        self._http = ModelHttp(max_connections, self._most_bytes)
        self._client = _sdk(self._url, api_key, provider, self._http)
        self._letterhead = _letterhead(self._client)

    async def complete(self, request: ChatRequest) -> Completion:
        """Ask once.

        Raises:
            Retryable, Snooze, Reject, Halt: see `worker.llm.errors`; nothing else escapes.
        """
        return await self.ask(request, self._models[request.prompt.role])

    async def ask(self, request: ChatRequest, model: str) -> Completion:
        """Ask a model by its name; else as `complete`."""
        if not request.priority:
            return await self._ask(request, model)
        without = replace(request, priority=0)
        if not self.takes_priority:
            return await self._ask(without, model)
        clock = asyncio.get_running_loop().time
        until = clock() + request.timeout_s
        try:
            return await self._ask(request, model)
        except Reject as error:
            # vLLM's 400 without `--scheduling-policy priority`, or a gateway's for a field that it
            # does not know. It may as well be for the prompt: without the priority one sees.
            if error.cause not in _REFUSED_FIELD:
                raise
        completion = await self._ask(replace(without, timeout_s=until - clock()), model)
        self.takes_priority = False
        return completion

    async def _ask(self, request: ChatRequest, model: str) -> Completion:
        headers = {**self._letterhead, **current().headers}
        if request.request_id and self._provider.request_ids:
            headers["X-Request-Id"] = quote(request.request_id, safe=_HEADER_SAFE)
        body = request_body(request, model, self._provider, self.structure)
        reply = self._http.exchange("POST", self._chat_url, headers, body, MAX_REPLY_BYTES)
        completion = read_completion(await self._answer(reply, model, request.timeout_s))
        return replace(completion, provider=str(self._provider.name), model=model)

    def context_tokens(self, role: ModelRole) -> int | None:
        """Not known here: `models` tells, and the router remembers."""
        del role
        return None

    @property
    def lists_models(self) -> bool:
        """Whether `models` can tell what the server has."""
        return self._provider.lists_models

    async def models(self, timeout_s: float = 10.0) -> list[ModelCard]:
        """The models that the server says it has.

        Raises:
            Retryable, Snooze, Reject, Halt: as for `complete`.
        """
        return read_models(await self._answer(self._get("/models"), "", timeout_s))

    async def ping(self, timeout_s: float = 5.0) -> None:
        """Ask the server's health; where it has no address for that, its list of models.

        Raises:
            Retryable, Snooze, Reject, Halt: as for `complete`.
        """
        path = self._provider.health_path
        if path is not None:
            url = httpx2.URL(self._url)
            address = url.copy_with(path=url.path.rstrip("/").removesuffix("/v1") + path)
            try:
                await self._answer(self._get(str(address)), "", timeout_s)
            except Halt as error:
                if error.cause not in _NO_SUCH_ADDRESS:
                    raise
            else:
                return
        if self.lists_models:
            await self.models(timeout_s)

    async def load(self, timeout_s: float = 3.0) -> bytes:
        """What the server says of its load, unread; nothing where it has no address for that.

        Raises:
            Retryable, Snooze, Reject, Halt: as for `complete`.
        """
        path = self._provider.load_path
        if path is None:
            return b""
        address = httpx2.URL(self._url).copy_with(path=path)
        return await self._answer(self._get(str(address)), "", timeout_s)

    async def close(self) -> None:
        """Close every connection; the client cannot be used after that."""
        await self._client.close()

    async def _get(self, address: str) -> Reply:
        try:
            response = await self._client.get(address, cast_to=httpx2.Response)
        except APIStatusError as error:
            response = error.response
        return Reply(response.status_code, response.headers, response.content)

    async def _answer(self, asked: Awaitable[Reply], model: str, timeout_s: float) -> bytes:
        target = Target(self._url, model, self._secret)
        try:
            async with asyncio.timeout(timeout_s):
                reply = await asked
        except _CALL_ERRORS as error:
            raise transport_error(error, timeout_s, target) from None
        if 200 <= reply.status < 300:
            return reply.body
        text, after = reply.body.decode(errors="replace"), reply.headers.get("Retry-After")
        raise status_error(ErrorReply(reply.status, text, after), target, self._now())

    def _most_bytes(self, request: httpx2.Request) -> int:
        return MAX_LOAD_BYTES if request.url.path == self._provider.load_path else MAX_LIST_BYTES


class _PlainClient(AsyncOpenAI):
    """The SDK's client, which tells the server nothing of this machine.

    No server reads those six headers, and each call in flight carries them in two lists.
    """

    def platform_headers(self) -> dict[str, str]:
        """None: the operating system, the processor, the versions of Python and SDK."""
        return {}


def _sdk(url: str, api_key: str, provider: Provider, http: ModelHttp) -> AsyncOpenAI:
    return _PlainClient(
        base_url=url,
        api_key=api_key or "none",
        max_retries=0,
        timeout=NetworkTimeout(None, connect=CONNECT_TIMEOUT_S),  # asyncio.timeout ends calls
        default_headers={
            "User-Agent": "llm-worker",
            "Accept-Encoding": "identity",  # a compressed reply could unfold beyond any cap
            **provider.headers,
        },
        http_client=DefaultAioHttpClient(transport=http, trust_env=False, follow_redirects=False),
    )


def _letterhead(client: AsyncOpenAI) -> dict[str, str]:
    """The headers that the SDK puts on every request: who asks, by which key, for what."""
    said = {**client.default_headers, **client.auth_headers}
    return {name: value for name, value in said.items() if isinstance(value, str)}


def _usable_address(url: str) -> str:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise Halt(f"LLM_BASE_URL: no usable address: {error}") from None
    if parsed.userinfo:
        raise Halt("LLM_BASE_URL: no login can stand in the address: use LLM_API_KEY")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise Halt(f"LLM_BASE_URL={url}: an http:// or https:// address is needed")
    return url
