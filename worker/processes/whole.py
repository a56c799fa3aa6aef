"""`/live`, `/ready` and `/metrics` of several processes, on one port.

Each process is asked when somebody asks, all at once, and named by its number.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from worker.processes.child import Child
from worker.processes.merging import CONTENT_TYPE, merged, of_parent


class Whole:
    """What the health port answers for all.

    Args:
        children: who is there, by number; None between two lives; those that left on a drain are
            not in it any more.
        deaths: how often each has ended unasked.
        session: to ask them with; its timeout is what a page takes at most.
        draining: whether they are on their way out.
    """

    def __init__(
        self,
        children: Mapping[int, Child | None],
        deaths: Mapping[int, int],
        session: aiohttp.ClientSession,
        draining: Callable[[], bool],
    ) -> None:
        self._children = children
        self._deaths = deaths
        self._session = session
        self._draining = draining

    def pages(self) -> dict[str, Handler]:
        """The pages by their paths."""
        return {"/live": self._live, "/ready": self._ready, "/metrics": self._metrics}

    async def _live(self, _request: web.Request) -> web.Response:
        return _told("live", await self._asked("/live"))

    async def _ready(self, _request: web.Request) -> web.Response:
        return _told("ready", await self._asked("/ready"), draining=self._draining())

    async def _metrics(self, _request: web.Request) -> web.Response:
        answers = await self._asked("/metrics")
        texts = {index: text for index, (status, text) in answers.items() if status == 200}
        up = {index: index in texts for index in answers}
        text = of_parent(up, self._deaths) + merged(texts)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _asked(self, path: str) -> dict[int, tuple[int, str]]:
        here = dict(self._children)
        answers = await asyncio.gather(*(self._ask(child, path) for child in here.values()))
        return dict(zip(here, answers, strict=True))

    async def _ask(self, child: Child | None, path: str) -> tuple[int, str]:
        if child is None:
            return 503, "it has died and will be started again"
        return await child.get(self._session, path)


def _told(what: str, answers: Mapping[int, tuple[int, str]], **more: object) -> web.Response:
    is_so = all(status == 200 for status, _ in answers.values()) and not more.get("draining")
    each = {str(index): _body(what, text) for index, (_, text) in answers.items()}
    body = {what: is_so, **more, "processes": each}
    return web.json_response(body, status=200 if is_so else 503)


def _body(what: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {what: False, "why": text[:200]}
