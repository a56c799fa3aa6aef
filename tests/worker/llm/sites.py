"""Model servers on this machine that a test can take down, and routers over them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.worker.llm.model_servers import GOOD, KEY, MODELS, Handler
from worker.embedded.child import free_port
from worker.llm.breaker import Breaker, BreakerLimits
from worker.llm.chat import Completion, ModelRole
from worker.llm.client import OpenAIChat
from worker.llm.observing import Budgets, Unlimited, Watchers
from worker.llm.preflight import Preflight
from worker.llm.providers import PROVIDERS
from worker.llm.replica import Replica
from worker.llm.router import Router, Upstream
from worker.llm_config import ProviderName, StructureName


async def good(_request: web.Request) -> web.Response:
    """What a server answers that is well."""
    return web.json_response(GOOD)


@dataclass
class Site:
    """One server. `handler` answers completions and may be replaced at any time."""

    url: str = ""
    handler: Handler = good
    metrics: Handler | None = None
    """`/metrics`, which counts as no question."""
    asked: int = 0
    """Completions."""
    cards: list[dict[str, object]] = field(
        default_factory=lambda: [{"id": name, "max_model_len": 8_192} for name in MODELS.values()]
    )
    health: int | None = 200
    """The status of its health; None: it never answers."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Any path."""
        if request.path in {"/health", "/openapi.json"}:
            return await hang(request) if self.health is None else web.Response(status=self.health)
        if request.path.endswith("/models"):
            return web.json_response({"data": self.cards})
        if request.path == "/metrics" and self.metrics is not None:
            return await self.metrics(request)
        self.asked += 1
        return await self.handler(request)


@dataclass
class Told:
    """A `CallObserver` that writes down."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """By provider and outcome."""
    turns: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Provider and state, as they came."""

    def called(
        self, provider: str, model: str, outcome: str, seconds: float, completion: Completion | None
    ) -> None:
        """Count it."""
        del model, seconds, completion
        self.calls[provider, outcome] += 1

    def breaker(self, provider: str, server: str, state: str) -> None:
        """Note it."""
        del server
        self.turns.append((provider, state))


@dataclass
class Spent:
    """Budgets that a test sets: seconds to wait by provider."""

    waits: dict[str, float] = field(default_factory=dict[str, float])
    counted: Counter[str] = field(default_factory=Counter[str])

    def wait_s(self, provider: str) -> float | None:
        """What the test says."""
        return self.waits.get(provider)

    def count(self, provider: str, tokens: int) -> None:
        """Count it."""
        self.counted[provider] += tokens


@dataclass
class Routed:
    """A router, the sites behind it by provider, and the time its breakers see."""

    router: Router
    sites: Mapping[ProviderName, Sequence[Site]]
    told: Told
    time: list[float]

    def turn(self, seconds: float) -> None:
        """Let the clock of the breakers go on."""
        self.time[0] += seconds

    def replicas(self, provider: ProviderName) -> list[Replica]:
        """The replicas of one provider."""
        return [r for r in self.router.replicas if r.provider == str(provider)]


@asynccontextmanager
async def routed(
    wanted: Mapping[ProviderName, int],
    budgets: Budgets | None = None,
    limits: BreakerLimits | None = None,
    *,
    down: bool = False,
) -> AsyncGenerator[Routed]:
    """So many servers of each provider, in this order; `down`: nobody listens there."""
    told, time, spare = Told(), [1_000.0], budgets or Unlimited()
    watchers = Watchers(told, spare, lambda: time[0])
    async with AsyncExitStack() as stack:
        sites = {
            name: [await _site(stack, down=down) for _ in range(n)] for name, n in wanted.items()
        }
        upstreams = [
            Upstream(
                str(name),
                MODELS,
                [_replica(name, site.url, watchers, limits or BreakerLimits()) for site in group],
            )
            for name, group in sites.items()
        ]
        chances = iter(range(10**9))
        router = Router(upstreams, spare, lambda: (next(chances) * 0.37) % 1)
        stack.push_async_callback(router.close)
        yield Routed(router, sites, told, time)


def _replica(name: ProviderName, url: str, watchers: Watchers, limits: BreakerLimits) -> Replica:
    return Replica(
        url=url,
        preset=PROVIDERS[name],
        models=MODELS,
        client=OpenAIChat(url, KEY, MODELS, 8, provider=PROVIDERS[name]),
        breaker=Breaker(limits, watchers.elapsed),
        watchers=watchers,
    )


async def _site(stack: AsyncExitStack, *, down: bool) -> Site:
    if down:
        return Site(f"http://127.0.0.1:{free_port()}/v1")
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    server = await stack.enter_async_context(TestServer(app))
    site.url = str(server.make_url("/v1"))
    return site


async def hang(_request: web.Request) -> web.Response:
    """Never answer."""
    await asyncio.Event().wait()
    return web.Response()


def replying(text: str, finish: str = "stop") -> Callable[[web.Request], Any]:
    """A completion with this text."""

    async def answer(_request: web.Request) -> web.Response:
        choice = {"message": {"content": text}, "finish_reason": finish}
        return web.json_response({"choices": [choice]})

    return answer


def looking(net: Any, *, canary: bool = True) -> Preflight:
    """What looks at a router's servers for the text model."""
    auto = StructureName.AUTO
    return Preflight(net.router, [ModelRole.TEXT], canary=canary, structure=auto)


async def ended(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait({task})
