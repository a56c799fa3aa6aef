"""`GET /live`: the worker moves. `GET /ready`: Redis, Core and the model answer, each named.

`GET /metrics`: what the worker counts, for Prometheus.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from worker.clock import Clock
from worker.errors import JobError
from worker.llm.limit import LimitFacts
from worker.observability.metrics import CONTENT_TYPE, Metrics

_CHECK_TIMEOUT_S = 3.0
_SHOWN_CHARS = 200
Check = Callable[[], Awaitable[None]]
"""Raises where something is wrong: a `JobError` or `Unready` in words, anything else is a bug."""


class Unready(Exception):
    """What was looked at is not as it must be; `str()` tells a person how."""


@dataclass(slots=True)
class Heartbeats:
    """When each loop that must move last did; older than its bound means it is stuck."""

    clock: Clock
    bounds_s: Mapping[str, float]
    _seen: dict[str, float] = field(default_factory=dict[str, float])

    def beat(self, name: str) -> Callable[[], None]:
        """A function to call on every turn of the loop of this name."""
        self._seen[name] = self.clock.elapsed()

        def beat() -> None:
            self._seen[name] = self.clock.elapsed()

        return beat

    def stuck(self) -> dict[str, float]:
        """The loops that have not moved within their bound, with the seconds since they did."""
        return {name: age for name, age in self.ages().items() if age > self.bounds_s[name]}

    def ages(self) -> dict[str, float]:
        """Seconds since each loop has moved."""
        now = self.clock.elapsed()
        return {name: now - seen for name, seen in self._seen.items()}


@dataclass(slots=True)
class Health:
    """What the health port answers.

    Attributes:
        limits: how much each model server is sent at once.
        away: the services that jobs wait for, and why; one may answer `checks` and refuse jobs.
        starting: the servers have not been looked at; it may halt for what they turn out to lack.
    """

    heartbeats: Heartbeats
    checks: Mapping[str, Check]
    limits: Callable[[], Sequence[LimitFacts]] | None = None
    away: Callable[[], Mapping[str, str]] | None = None
    draining: bool = False
    starting: bool = False

    async def live(self, _request: web.Request) -> web.Response:
        """200 while every loop moves, 503 with the ones that don't."""
        stuck = self.heartbeats.stuck()
        body = {"live": not stuck, "stuck_s": {name: round(age) for name, age in stuck.items()}}
        return web.json_response(body, status=503 if stuck else 200)

    async def ready(self, _request: web.Request) -> web.Response:
        """200 while everything the worker leans on answers, 503 with what does not."""
        names = list(self.checks)
        answers = await asyncio.gather(*(_checked(self.checks[name]) for name in names))
        found = dict(zip(names, answers, strict=True))
        serves = not (self.draining or self.starting)
        is_ready = serves and all(answer == "ok" for answer in answers)
        body: dict[str, Any] = {"ready": is_ready, "draining": self.draining, "checks": found}
        if self.starting:
            body["starting"] = True
        if self.limits is not None:
            body["limits"] = [asdict(facts) for facts in self.limits()]
        if self.away is not None:
            body["away"] = dict(self.away())
        return web.json_response(body, status=200 if is_ready else 503)


async def _checked(check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            await check()
    except TimeoutError:
        return f"no answer within {_CHECK_TIMEOUT_S:.0f} s"
    except (JobError, Unready) as error:
        return str(error)[:_SHOWN_CHARS]
    except Exception as error:  # whatever it is, it is what the reader wants to know
        return f"{type(error).__name__}: {str(error)[:_SHOWN_CHARS]}"
    return "ok"


def pages(health: Health, metrics: Metrics | None = None) -> dict[str, Handler]:
    """What one worker answers, by path; without metrics there is no such page."""
    found: dict[str, Handler] = {"/live": health.live, "/ready": health.ready}
    if metrics is not None:
        found["/metrics"] = _exposed(metrics)
    return found


def _exposed(metrics: Metrics) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        await metrics.refresh()
        return web.Response(body=metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    return handle
