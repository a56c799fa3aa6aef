"""`GET /changes`: what changes in a view while somebody looks, as server-sent events.

Nothing runs while nobody looks: each viewer's own request looks again, at most once a second and
never for more than a small part of the time, and what several want is made once.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from aiohttp import web

from worker.clock import Clock
from worker.lifecycle import finished_before
from worker.page.answers import Asked, Page, Refusal, View, Viewer
from worker.page.door import Door
from worker.page.front import GUARDS, Front
from worker.page.lately import Lately
from worker.page.looking import Away
from worker.page.rendering import render

VIEWERS_MAX = 32
LIFE_S = 900.0
"""Then a viewer comes in by the door again."""
_PAUSE_S = 1.0
_PAUSE_PER_LOOK = 20
"""A look that takes long is followed by a rest of so many times as much."""
_SIGN_OF_LIFE_S = 15.0
_SLOW_S = 10.0
"""A viewer that takes nothing for so long is gone."""


@dataclass(slots=True)
class _Told:
    """What one viewer has been sent."""

    response: web.StreamResponse
    parts: dict[str, str]
    last_at: float


class Changes:
    """Tells viewers of changes.

    Args:
        views: those that change, by the names by which they are asked for.
        front: how it is answered that there is nothing to tell.
        drain: set when this worker is on its way out.
        clock: whose time.
    """

    def __init__(
        self, views: Mapping[str, Page], front: Front, drain: asyncio.Event, clock: Clock
    ) -> None:
        self._views = views
        self._front = front
        self._drain = drain
        self._clock = clock
        self._rendered = Lately(clock.elapsed)
        self.viewers = 0

    @property
    def _door(self) -> Door:
        return self._front.door

    def close(self) -> None:
        """Give up what is under way."""
        self._rendered.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Tell one viewer, until one of both has gone."""
        viewer = await self._door.admit(self._front.knock(request))
        refused = viewer if isinstance(viewer, Refusal) else self._refused(request)
        if refused is not None or isinstance(viewer, Refusal):
            return self._front.respond(request, refused or Refusal(401, ""), Viewer())
        headers = GUARDS | {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        self.viewers += 1
        try:
            await response.prepare(request)
            if request.method == "GET":
                query = dict(request.query)
                asked = Asked(viewer, query=query, live=True)
                with suppress(ConnectionError, TimeoutError):
                    await self._tell(request, response, asked)
        finally:
            self.viewers -= 1
        return response

    def _refused(self, request: web.Request) -> Refusal | None:
        if request.method not in {"GET", "HEAD"}:
            return Refusal(405, f"{request.method} is not for this address")
        if request.query.get("view") not in self._views:
            return Refusal(400, f"there are the views {', '.join(self._views)}")
        if self._drain.is_set():
            return Refusal(503, "this worker is on its way out", 5)
        if self.viewers >= VIEWERS_MAX:
            return Refusal(503, f"{VIEWERS_MAX} look already", 30)
        return None

    async def _tell(self, request: web.Request, to: web.StreamResponse, asked: Asked) -> None:
        began = self._clock.elapsed()
        told = _Told(to, {}, began)
        while request.transport is not None and self._clock.elapsed() - began < LIFE_S:
            if await self._door.has_left(asked.viewer):
                return  # he comes in by the door again, and does not get through
            looked_at = self._clock.elapsed()
            try:
                await self._tell_changes(told, await self._parts(asked))
            except Away as away:
                told.parts.clear()  # what comes next tells that it is over
                await self._send(told, _event("trouble", str(away)))
            now = self._clock.elapsed()
            if now - told.last_at >= _SIGN_OF_LIFE_S:
                await self._send(told, ": here\n\n")
            rest_s = max(_PAUSE_S, _PAUSE_PER_LOOK * (now - looked_at))
            if self._drain.is_set() or not await self._rested(rest_s):
                await self._send(told, _event("bye", "this worker is on its way out"))
                return

    async def _rested(self, seconds: float) -> bool:
        """Wait; whether nothing came of it but time."""
        return await finished_before(self._drain, asyncio.sleep(min(seconds, _SIGN_OF_LIFE_S)))

    async def _tell_changes(self, told: _Told, parts: Mapping[str, str]) -> None:
        for name, html in parts.items():
            if told.parts.get(name) != html:
                await self._send(told, _event("fragment", f"{name}\n{html}"))
                told.parts[name] = html

    async def _send(self, told: _Told, text: str) -> None:
        async with asyncio.timeout(_SLOW_S):
            await told.response.write(text.encode())
        told.last_at = self._clock.elapsed()

    async def _parts(self, asked: Asked) -> Mapping[str, str]:
        """The parts of a view as they are now; one making for all who see the same."""
        viewer = asked.viewer
        same = replace(viewer, address="", form_key="", signed_in=False, session="")
        key = (urlencode(sorted(asked.query.items()), errors="replace"), same)
        return await self._rendered.look(key, lambda: self._made(replace(asked, viewer=same)))

    async def _made(self, asked: Asked) -> Mapping[str, str]:
        view = await self._views[asked.query["view"]](asked)
        if not isinstance(view, View):
            raise Away(view.why if isinstance(view, Refusal) else "")
        facts = {"viewer": asked.viewer} | dict(view.facts)
        return {name: render(f"parts/{name}", facts) for name in view.parts}


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.split("\n"))
    return f"event: {name}\n{lines}\n"
