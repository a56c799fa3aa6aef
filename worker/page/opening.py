"""The page put together: its views and deeds, by their addresses."""

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from shared.redis_streams import Keys
from worker.clock import Clock
from worker.config import Settings
from worker.page.answers import Answer, Asked, Page, Refusal, SeeOther
from worker.page.assets import ICON, SCRIPT, STYLE
from worker.page.changes import Changes
from worker.page.deeds import Deeds
from worker.page.door import Door
from worker.page.endings import Endings
from worker.page.front import Front, Path
from worker.page.looking import Looking
from worker.page.rendering import prepare
from worker.page.views import Views
from worker.queue.redis_clients import RedisClients, connect
from worker.steering.roster import WorkerFacts

log = structlog.get_logger(__name__)

_LETTER = "/dead/{letter:[0-9]{1,19}-[0-9]{1,19}}"


class PageRoom:
    """The page of one worker.

    Attributes:
        routes: what the health port answers with it.
        changes: who is told of changes.
    """

    def __init__(
        self, clients: RedisClients, looking: Looking, front: Front, drain: asyncio.Event
    ) -> None:
        self._clients = clients
        self._looking = looking
        clock = Clock()
        views, deeds = Views(looking, drain.is_set), Deeds(looking, clock)
        live = {"overview": views.overview, "dead": views.dead, "job": views.job}
        self.changes = Changes(live, front, drain, clock)
        paths = _paths(views, deeds, front.door)
        self.routes: list[web.RouteDef] = [
            *(web.get(f"/{asset.name}", asset.serve) for asset in (STYLE, SCRIPT, ICON)),
            _prepared("/changes", self.changes.answer),
            _prepared("/sign-in", front.sign_in),
            *(_prepared(where, front.serving(path)) for where, path in paths.items()),
        ]

    async def close(self) -> None:
        """Give up what is under way, and the connections."""
        self.changes.close()
        self._looking.lately.close()
        await self._clients.close()


def open_page(
    settings: Settings,
    me: str,
    facts: Callable[[], WorkerFacts],
    drain: asyncio.Event,
    *,
    relayed: bool = False,
) -> PageRoom:
    """The page that the settings describe; nothing is asked of Redis before somebody looks.

    Args:
        settings: whose Redis, whose token.
        me: this worker's name in the group.
        facts: what this worker knows of itself.
        drain: set when it is on its way out.
        relayed: whether a parent of several processes stands before it.
    """
    clock, keys = Clock(), Keys(settings.llm_stream_prefix)
    # Connections of its own: a viewer who waits for Redis holds up no job's commands.
    clients = connect(settings.redis_url, key=keys.dead)
    door = Door(
        settings.worker_admin_token.get_secret_value(),
        payloads=settings.worker_page_payloads,
        host=settings.worker_health_host,
        clock=clock,
        endings=Endings(clients.commands, keys, clock),
    )
    if not door.is_locked and settings.worker_health_host not in {"127.0.0.1", "::1", "localhost"}:
        log.warning("page_open_to_network", host=settings.worker_health_host)
    looking = Looking(clients.commands, keys, me, facts, clock)
    return PageRoom(clients, looking, Front(door, clock, relayed=relayed), drain)


def _prepared(where: str, handler: Handler) -> web.RouteDef:
    async def handle(request: web.Request) -> web.StreamResponse:
        await prepare()
        return await handler(request)

    return web.route("*", where, handle)


def _paths(views: Views, deeds: Deeds, door: Door) -> dict[str, Path]:
    return {
        "/": Path(views.overview),
        "/dead": Path(views.dead),
        "/dead/replay": Path(views.asking("replay"), deeds.replay_many),
        "/dead/purge": Path(views.asking("purge"), deeds.purge_many),
        _LETTER: Path(views.letter),
        f"{_LETTER}/replay": Path(post=deeds.replay),
        f"{_LETTER}/purge": Path(views.purging_one, deeds.purge),
        "/job": Path(views.job),
        "/pause": Path(post=deeds.pause),
        "/resume": Path(post=deeds.resume),
        "/cancel": Path(post=deeds.cancel),
        "/sign-out": Path(post=_signing_out(door)),
        "/{tail:(?s:.*)}": Path(_nothing, _nothing),
    }


def _signing_out(door: Door) -> Page:
    async def sign_out(asked: Asked) -> Answer:
        everywhere = await door.sign_out(asked.viewer)
        done = "signed-out" if everywhere else "signed-out-here"
        return SeeOther(f"/sign-in?done={done}", cookie="")

    return sign_out


async def _nothing(_asked: Asked) -> Answer:
    return Refusal(404, "there is no such page")
