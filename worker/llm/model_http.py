"""HTTP to one model server, over aiohttp: for questions, and as the transport of the SDK.

A question is the same request each time but for its body, and is sent as it is: a tenth of a
millisecond of CPU, of which the SDK's layers for options, retries and redirects make five. What is
asked now and then goes through them, and over the same connections.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
import httpx2

from worker.llm.errors import ReplyTooLong

CONNECT_TIMEOUT_S = 5.0
KEEPALIVE_S = 4.0
"""Below the 5 s after which vLLM drops an idle connection: a reused one is never half closed."""
# As the SDK knows them; what is not here it lets through.
_ERRORS: Mapping[type[aiohttp.ClientError], type[httpx2.TransportError]] = {
    aiohttp.ClientConnectionError: httpx2.ConnectError,
    aiohttp.ClientPayloadError: httpx2.ReadError,
    aiohttp.InvalidURL: httpx2.UnsupportedProtocol,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, whole; a redirect is an answer like others."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ModelHttp(httpx2.AsyncBaseTransport):
    """One pool of connections to one model server, opened by the first request.

    No proxy of the environment is used, as none is meant for the model server; private texts go
    where they were sent, or nowhere, so redirects are answers.

    Args:
        max_connections: at once.
        most_bytes: how long the reply to a request of the SDK's may be.
    """

    def __init__(self, max_connections: int, most_bytes: Callable[[httpx2.Request], int]) -> None:
        self._max_connections = max_connections
        self._most_bytes = most_bytes
        self._session: aiohttp.ClientSession | None = None
        self._ssl = httpx2.create_ssl_context(trust_env=False)

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, most_bytes: int
    ) -> Reply:
        """Send a request once, and read the whole reply.

        Raises:
            ReplyTooLong: it is longer than `most_bytes`.
            httpx2.TransportError, aiohttp.ClientError: there is none, or not a whole one.
        """
        if self._session is None:
            self._session = self._opened()
        try:
            async with self._session.request(
                method, url, headers=headers, data=content or None, allow_redirects=False
            ) as reply:
                body = await _whole(reply.content, most_bytes)
        except aiohttp.ClientError as error:
            known = next((_ERRORS[theirs] for theirs in _ERRORS if isinstance(error, theirs)), None)
            if known is None:
                raise
            raise known(str(error)) from error
        return Reply(reply.status, reply.headers, body)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request of the SDK's."""
        headers = dict(request.headers.multi_items())
        reply = await self.exchange(
            request.method, str(request.url), headers, request.content, self._most_bytes(request)
        )
        return httpx2.Response(
            reply.status, headers=reply.headers, content=reply.body, request=request
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
