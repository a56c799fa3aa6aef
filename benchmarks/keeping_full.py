"""One way to keep a batching server busy, measured from the server's side; and who comes late."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from operator import add

from benchmarks.batching_server import Look, Shape, Window, between, jain, look
from benchmarks.contenders import OURS, Contender
from benchmarks.process_tree import BenchFailed
from benchmarks.site import Site, said
from benchmarks.sizes import Size
from benchmarks.turns import Measured
from worker.embedded.child import free_port

_CAP = 1_024
ADAPTIVE = {"WORKER_CONCURRENCY": str(_CAP)}
_FIXED_START_S = 4.0
"""What a number of calls that is fixed takes until it is there."""
_START_MAX_S = 300.0
"""Sixteen of them start at once, on however few processors."""
_TEXT_BYTES = 500
_LOOK_EVERY_S = 5.0
_SLICE_S = 2.5
_IDLE_LEAST = 0.1
"""A slice of time with less of the processors at rest says more of them than of the worker."""
_PATIENCE = 2
"""So many times as long as wanted a calm machine is waited for."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to keep a server busy.

    Attributes:
        key: chooses it on the command line.
        name: as the table says it.
        at_once: a fixed number of calls; None for a limit that adapts.
        workers: how many daemons, or ideal loops.
        contender: which of the two.
    """

    key: str
    name: str
    at_once: int | None = None
    workers: int = 1
    contender: Contender = OURS

    @property
    def settings(self) -> Mapping[str, str]:
        """The workers'."""
        if self.at_once is None:
            return ADAPTIVE
        at_once = str(self.at_once)
        fixed = {"LLM_ADAPTIVE": "false", "WORKER_CONCURRENCY": at_once}
        return {**fixed, "BENCH_AT_ONCE": at_once}

    def warm_s(self, size: Size) -> float:
        """How long it may find its way before it is measured."""
        if self.at_once is not None:
            return _FIXED_START_S
        return size.alone_s if self.workers == 1 else size.crowd_s


@dataclass(slots=True)
class _Crowd:
    """Workers on a site, and where each tells its metrics."""

    site: Site
    metrics: list[str] = field(default_factory=list[str])

    def join(self, contender: Contender, settings: Mapping[str, str], workers: int = 1) -> None:
        """So many more; returns when all of them work."""
        ports = [free_port() for _ in range(workers)]
        more = {"WORKER_HELD_MAX": "4000", **settings}
        come = [
            (self.site.start(contender, {**more, "WORKER_HEALTH_PORT": str(port)}), port)
            for port in ports
        ]
        if contender is not OURS:  # nobody else tells that it lives
            return
        for running, port in come:
            live = f"http://127.0.0.1:{port}/live"
            self.site.wait(
                lambda live=live: said(live) is not None,
                running,
                what="a worker to live",
                patience_s=_START_MAX_S,
            )
            self.metrics.append(f"http://127.0.0.1:{port}/metrics")

    def look(self) -> Look:
        """At the server and all workers."""
        for running in self.site.contenders:
            running.check()
        return look(self.site, self.metrics)


def measure(shape: Shape, way: Way, size: Size) -> Measured:
    """What one way makes of a server, in the words of the table."""
    warm_s = way.warm_s(size)
    with Site(shape.command) as site:
        jobs = _jobs(shape, warm_s + _PATIENCE * size.window_s)
        site.enqueue(way.contender, jobs, _TEXT_BYTES)
        crowd = _Crowd(site)
        crowd.join(way.contender, way.settings, way.workers)
        time.sleep(warm_s)
        window = _window(shape, crowd, size.window_s)
        if jobs - site.done < _CAP:
            raise BenchFailed("the jobs were done before the measurement was")
    figures = {
        "busy": window.busy * 100,
        "queue": window.queue * 100,
        "tokens/s": window.tokens_s,
        "step ms": window.step_ms,
        "at rest": window.idle * 100,
    }
    return figures | ({"jain": jain(window.shares)} if way.workers > 1 else {})


def _window(shape: Shape, crowd: _Crowd, window_s: float) -> Window:
    """So many seconds in which the machine had something to spare, or all there were in the end."""
    looks, calm = [crowd.look()], list[Window]()
    while sum(each.passed_s for each in calm) < window_s:
        time.sleep(_SLICE_S)
        looks.append(crowd.look())
        latest = between(shape, *looks[-2:])
        calm += [latest] if latest.idle >= _IDLE_LEAST else []
        if looks[-1].at_s - looks[0].at_s > _PATIENCE * window_s:
            break
    if sum(each.passed_s for each in calm) < window_s / 2:
        return between(shape, looks[0], looks[-1])
    return reduce(add, calm)


def _jobs(shape: Shape, seconds: float) -> int:
    """More than the server can do in that time, and what waits there at most."""
    return int(1.2 * shape.seats / shape.answer_s * (seconds + 5)) + 2 * _CAP


def join_late(shape: Shape, size: Size) -> Measured:
    """One worker has the server for itself; then there are two."""
    with Site(shape.command) as site:
        site.enqueue(OURS, _jobs(shape, size.alone_s + size.joined_s), _TEXT_BYTES)
        crowd = _Crowd(site)
        crowd.join(OURS, ADAPTIVE)
        time.sleep(size.alone_s)
        crowd.join(OURS, ADAPTIVE)
        looks = [crowd.look()]
        while looks[-1].at_s - looks[0].at_s < size.joined_s:
            time.sleep(_LOOK_EVERY_S)
            looks.append(crowd.look())
    return judged(shape, looks)


def judged(shape: Shape, looks: Sequence[Look]) -> Measured:
    """A late joiner's fate from a row of looks, the first when it had started.

    Returns:
        `jain` over the last third of the time, seconds until it was 0.9 from one look to the next
        as `fair after`, and how `busy` the seats were all the time.
    """
    fair_at = (
        after.at_s
        for before, after in pairwise(looks)
        if jain(between(shape, before, after).shares) >= 0.9
    )
    started_s, ended_s = looks[0].at_s, looks[-1].at_s
    third = next(x for x in looks if x.at_s >= started_s + (ended_s - started_s) * 2 / 3)
    fair_after_s = next(fair_at, None)
    never = f"> {ended_s - started_s:.0f} s"
    return {
        "jain": jain(between(shape, third, looks[-1]).shares),
        "fair after": never if fair_after_s is None else fair_after_s - started_s,
        "busy": between(shape, looks[0], looks[-1]).busy * 100,
    }
