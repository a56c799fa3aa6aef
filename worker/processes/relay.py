"""The page of several processes: one of them answers, and its parent passes it on.

What the page shows is the fleet's, so any process will do; it is always the first that is up, whose
wrong tokens are counted in one place. The parent itself knows neither Redis nor the token.
"""

from collections.abc import Iterable, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from worker.processes.child import Child

VIEWER_HEADER = "X-Llm-Worker-Viewer"
"""Where the request comes from; a process takes the parent's word for it."""
_ASKED = (
    *("Host", "Cookie", "Authorization", "Origin", "Sec-Fetch-Site", "X-Forwarded-Proto"),
    *("Content-Type", "If-None-Match"),
)
_ANSWERED_APART = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=30)
"""A live view shows a sign of life every 15 seconds."""
_OWN_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Relay:
    """Passes requests on.

    Args:
        children: who is there, by number.
        session: to ask them with. It must keep no cookies: they are somebody's.
    """

    def __init__(
        self, children: Mapping[int, Child | None], session: aiohttp.ClientSession
    ) -> None:
        self._children = children
        self._session = session

    def routes(self) -> list[web.RouteDef]:
        """For whatever else the health port has no page for."""
        return [web.route("*", "/{tail:(?s:.*)}", self._pass_on)]

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        body = await request.read() if request.can_read_body else None
        headers = _passed(request)
        for port in self._ports():
            try:
                answer = await self._session.request(
                    request.method,
                    f"http://127.0.0.1:{port}{request.rel_url}",
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                    skip_auto_headers=_OWN_HEADERS,
                    timeout=_TIMEOUT,
                )
            except (aiohttp.ClientError, TimeoutError):
                if request.method == "POST":  # it may be done: nobody does it twice
                    return _no_answer("the process that was asked did not answer")
                continue
            async with answer:
                return await _returned(request, answer)
        return _no_answer("no process is up yet; try again in a moment")

    def _ports(self) -> Iterable[int]:
        here = [child for _, child in sorted(self._children.items()) if child is not None]
        return [child.port for child in here if child.port is not None]


def _passed(request: web.Request) -> CIMultiDict[str]:
    headers = CIMultiDict(
        (name, request.headers[name]) for name in _ASKED if name in request.headers
    )
    headers[VIEWER_HEADER] = request.remote or ""
    return headers


async def _returned(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = [pair for pair in answer.headers.items() if pair[0].lower() not in _ANSWERED_APART]
    response = web.StreamResponse(status=answer.status, headers=CIMultiDict(headers))
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError, ConnectionError):
        response.force_close()  # one of both has gone, and the other is to notice
    return response


def _no_answer(why: str) -> web.Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=503, text=why + "\n", headers=headers | {"Retry-After": "5"})
