"""HTTP for the SDK, over aiohttp: what `AsyncOpenAI` is given as its `http_client`.

The client that the SDK brings parses the address three times for each request, and takes it through
layers for redirects, authentication, cookies and hooks that a model server has no use for. This one
makes the same request of what it is given and sends it, which is a third of the SDK's whole cost.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import aiohttp
import httpx2
from openai import DefaultAioHttpClient

from worker.llm.errors import ReplyTooLong

CONNECT_TIMEOUT_S = 5.0
KEEPALIVE_S = 4.0
"""Below the 5 s after which vLLM drops an idle connection: a reused one is never half closed."""
_NEEDS_MORE = ("params", "files", "data", "json", "cookies")
# As the SDK knows them; what is not here it lets through.
_ERRORS: Mapping[type[aiohttp.ClientError], type[httpx2.TransportError]] = {
    aiohttp.ClientConnectionError: httpx2.ConnectError,
    aiohttp.ClientPayloadError: httpx2.ReadError,
    aiohttp.InvalidURL: httpx2.UnsupportedProtocol,
}


class ModelHttp(DefaultAioHttpClient):
    """One pool of connections to one model server.

    No proxy of the environment is used, as none is meant for the model server; private texts go
    where they were sent, or nowhere, so redirects are answers.

    Args:
        max_connections: at once.
        most_bytes: how long the reply to a request may be; what is longer is a `ReplyTooLong`.
    """

    def __init__(self, max_connections: int, most_bytes: Callable[[httpx2.Request], int]) -> None:
        self._wire = _Wire(max_connections, most_bytes)
        super().__init__(transport=self._wire, trust_env=False, follow_redirects=False)

    def build_request(self, method: str, url: httpx2.URL | str, **said: Any) -> httpx2.Request:
        """The request that the SDK describes; a body it has as bytes is taken as it is."""
        if any(said.get(more) for more in _NEEDS_MORE):
            return super().build_request(method, url, **said)
        headers, content = said.get("headers"), said.get("content")
        return httpx2.Request(method, _address(str(url)), headers=headers, content=content)

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send it once, and read the whole reply."""
        del options  # of layers that are not there
        return await self._wire.handle_async_request(request)


class _Wire(httpx2.AsyncBaseTransport):
    """Requests of httpx2 on a session of aiohttp, which is opened by the first."""

    def __init__(self, max_connections: int, most_bytes: Callable[[httpx2.Request], int]) -> None:
        self._max_connections = max_connections
        self._most_bytes = most_bytes
        self._session: aiohttp.ClientSession | None = None
        self._ssl = httpx2.create_ssl_context(trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it and read the whole reply."""
        if self._session is None:
            self._session = self._opened()
        with _as_httpx2_says():
            async with self._session.request(
                request.method,
                str(request.url),
                headers=dict(request.headers.multi_items()),
                data=request.content or None,
                allow_redirects=False,
            ) as reply:
                body = await _whole(reply.content, self._most_bytes(request))
        return httpx2.Response(
            reply.status, headers=reply.raw_headers, content=body, request=request
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_connections, keepalive_timeout=KEEPALIVE_S, ssl=self._ssl
            ),
            # The one total is the caller's: a generation sends nothing until it is done.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            auto_decompress=False,  # a compressed reply could unfold beyond any bound
            trust_env=False,
        )


async def _whole(content: aiohttp.StreamReader, most: int) -> bytes:
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > most:
            raise ReplyTooLong(f"the reply is longer than {most:,} bytes")
    return bytes(body)


@contextmanager
def _as_httpx2_says() -> Generator[None]:
    try:
        yield
    except aiohttp.ClientError as error:
        for theirs, known in _ERRORS.items():
            if isinstance(error, theirs):
                raise known(str(error)) from error
        raise


@lru_cache(maxsize=32)
def _address(url: str) -> httpx2.URL:
    """An address, read; a server has three or four."""
    return httpx2.URL(url)
