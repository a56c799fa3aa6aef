"""One way to keep a batching server busy, measured from the server's side; and who comes late."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add

import aiohttp

from benchmarks.batching_server import Look, Shape, Window, between, jain
from benchmarks.fleet import Fleet, fleet
from benchmarks.ideal_loop import ideal_loop

CAP = 1_024
ADAPTIVE = {"WORKER_CONCURRENCY": str(CAP)}
_LOOK_EVERY_S = 5.0
_SLICE_S = 2.5
_IDLE_LEAST = 0.1
"""A slice of time with less of the processors at rest says more of them than of the worker."""
_PATIENCE = 3
"""So many times as long as wanted a calm machine is waited for."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long everything takes, and how often it is done."""

    rounds: int
    adapt_s: float
    """From the start until a limit that adapts is measured."""
    crowd_s: float
    """The same where several share a server."""
    start_s: float
    """The same for what is fixed."""
    window_s: float
    joined_s: float
    """What is looked at after a late joiner has come."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to keep a server busy.

    Attributes:
        name: what the table calls it.
        workers: how many daemons; with 0 it is the ideal loop.
        at_once: a fixed number of calls; None for a limit that adapts.
    """

    name: str
    workers: int = 1
    at_once: int | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """The daemons'."""
        if self.at_once is None:
            return ADAPTIVE
        return {"LLM_ADAPTIVE": "false", "WORKER_CONCURRENCY": str(self.at_once)}

    def warm_s(self, pace: Pace) -> float:
        """How long it may find its way before it is measured."""
        if self.at_once is not None:
            return pace.start_s
        return pace.adapt_s if self.workers == 1 else pace.crowd_s


async def measure(shape: Shape, way: Way, pace: Pace) -> Window:
    """What one way makes of a server."""
    warm_s = way.warm_s(pace)
    with fleet(shape) as site:
        async with aiohttp.ClientSession() as http:
            if not way.workers:
                async with ideal_loop(site.server.url, way.at_once or shape.seats):
                    return await _window(site, http, warm_s, pace.window_s)
            await site.enqueue(_jobs(shape, warm_s + _PATIENCE * pace.window_s))
            for _ in range(way.workers):
                site.start_worker(way.settings)
            for worker in site.workers:
                await site.live(http, worker)
            return await _window(site, http, warm_s, pace.window_s)


async def _window(
    site: Fleet, http: aiohttp.ClientSession, warm_s: float, window_s: float
) -> Window:
    """So many seconds in which the machine had something to spare, or all there were in the end."""
    await asyncio.sleep(warm_s)
    looks, calm = [await site.look(http)], list[Window]()
    while sum(each.passed_s for each in calm) < window_s:
        await asyncio.sleep(_SLICE_S)
        looks.append(await site.look(http))
        latest = between(site.server.shape, *looks[-2:])
        calm += [latest] if latest.idle >= _IDLE_LEAST else []
        if looks[-1].at_s - looks[0].at_s > _PATIENCE * window_s:
            break
    if site.workers and not await site.jobs_left():
        raise RuntimeError("the jobs were done before the measurement was")
    if sum(each.passed_s for each in calm) < window_s / 2:
        return between(site.server.shape, looks[0], looks[-1])
    return reduce(add, calm)


def _jobs(shape: Shape, seconds: float) -> int:
    """More than the server can do in that time, and what waits there at most."""
    return int(1.2 * shape.seats / shape.answer_s * (seconds + 5)) + 2 * CAP


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of a worker that came late.

    Attributes:
        fairness: over the last third of the time.
        fair_after_s: since it had started, until it was 0.9 from one look to the next.
        busy: the seats, since it had started.
    """

    fairness: float
    fair_after_s: float
    busy: float


async def join_late(shape: Shape, pace: Pace) -> Joined:
    """One worker has the server for itself; then there are two."""
    with fleet(shape) as site:
        async with aiohttp.ClientSession() as http:
            await site.enqueue(_jobs(shape, pace.adapt_s + pace.joined_s))
            await site.live(http, site.start_worker(ADAPTIVE))
            await asyncio.sleep(pace.adapt_s)
            await site.live(http, site.start_worker(ADAPTIVE))
            looks = [await site.look(http)]
            while looks[-1].at_s - looks[0].at_s < pace.joined_s:
                await asyncio.sleep(_LOOK_EVERY_S)
                looks.append(await site.look(http))
    return judged(shape, looks)


def judged(shape: Shape, looks: Sequence[Look]) -> Joined:
    """A late joiner's fate from a row of looks, the first when it had started."""
    fair_at = (
        after.at_s
        for before, after in pairwise(looks)
        if jain(between(shape, before, after).shares) >= 0.9
    )
    started_s, ended_s = looks[0].at_s, looks[-1].at_s
    third = next(x for x in looks if x.at_s >= started_s + (ended_s - started_s) * 2 / 3)
    return Joined(
        fairness=jain(between(shape, third, looks[-1]).shares),
        fair_after_s=next(fair_at, float("inf")) - started_s,
        busy=between(shape, looks[0], looks[-1]).busy,
    )
