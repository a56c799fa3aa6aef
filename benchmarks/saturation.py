"""Is the server kept full, without a queue, by one worker and by many that share it?

    python -m benchmarks.saturation [--quick]

Real: the daemon as a process, Redis, HTTP. Stand-ins: a batching server (`batching_server.Shape`)
and a Core that answers at once, each a process. There are more jobs than can be done. All figures
are the server's own counters between two looks, after a time to get going; who got how much is each
worker's own count. The ways to be compared take turns within a round; figures are medians of the
rounds, with least and most. The more workers there are, the longer the answers, so that a small
machine's processors are not what is measured: what they had to spare is a row of its own.
"""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import aiohttp

from benchmarks.batching_server import Look, Shape, Window, between, jain
from benchmarks.figures import Row, figure, markdown
from benchmarks.fleet import Fleet, fleet
from benchmarks.ideal_loop import ideal_loop

SMALL = Shape(seats=64, step_ms=5, median_tokens=43)
"""About 59 tokens in 0.3 s."""
LARGE = Shape(seats=256, step_ms=20, median_tokens=43)
"""The same number of answers a second from four times the seats."""
SHARED = Shape(seats=128, step_ms=20, median_tokens=86)
"""About 118 tokens in 2.4 s, 54 answers a second."""

CAP = 1_024
ADAPTIVE = {"WORKER_CONCURRENCY": str(CAP)}
FIXED = (16, 64, 256, 1_024)
_TOKENS_MEAN = 1.38
"""Of the median, at the shapes' sigma."""
_LOOK_EVERY_S = 5.0


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


@dataclass(frozen=True, slots=True)
class Pace:
    """How long everything takes, and how often it is done."""

    rounds: int
    adapt_s: float
    """From the start until a limit that adapts is measured."""
    start_s: float
    """The same for what is fixed."""
    window_s: float
    joined_s: float
    """What is looked at after a late joiner has come."""


FULL = Pace(rounds=3, adapt_s=30, start_s=6, window_s=20, joined_s=60)
QUICK = Pace(rounds=1, adapt_s=20, start_s=4, window_s=10, joined_s=45)


async def measure(shape: Shape, way: Way, pace: Pace) -> Window:
    """What one way makes of a server."""
    warm_s = pace.start_s if way.at_once is not None else pace.adapt_s
    with fleet(shape) as site:
        async with aiohttp.ClientSession() as http:
            if not way.workers:
                async with ideal_loop(site.server.url, way.at_once or shape.seats):
                    return await _window(site, http, warm_s, pace.window_s)
            await site.enqueue(_jobs(shape, warm_s + pace.window_s))
            for _ in range(way.workers):
                site.start_worker(way.settings)
            for worker in site.workers:
                worker.wait_until_ready()
            return await _window(site, http, warm_s, pace.window_s)


async def _window(
    site: Fleet, http: aiohttp.ClientSession, warm_s: float, window_s: float
) -> Window:
    await asyncio.sleep(warm_s)
    one = await site.look(http)
    await asyncio.sleep(window_s)
    other = await site.look(http)
    if site.workers and not await site.jobs_left():
        raise RuntimeError("the jobs were done before the measurement was")
    return between(site.server.shape, one, other)


def _jobs(shape: Shape, seconds: float) -> int:
    """More than the server can do in that time, and what waits there at most."""
    answer_s = shape.step_ms * shape.median_tokens * _TOKENS_MEAN / 1_000
    return int(1.4 * shape.seats / answer_s * (seconds + 5)) + 2 * CAP


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of a worker that came late.

    Attributes:
        fairness: over the last third of the time.
        fair_after_s: until from one look to the next it was 0.9 for the first time.
        busy: the seats, from its start to the end.
    """

    fairness: float
    fair_after_s: float
    busy: float


async def join_late(shape: Shape, pace: Pace) -> Joined:
    """One worker has the server for itself; then there are two."""
    with fleet(shape) as site:
        async with aiohttp.ClientSession() as http:
            await site.enqueue(_jobs(shape, pace.adapt_s + pace.joined_s))
            site.start_worker(ADAPTIVE).wait_until_ready()
            await asyncio.sleep(pace.adapt_s)
            site.start_worker(ADAPTIVE)
            looks = [await site.look(http)]
            while looks[-1].at_s - looks[0].at_s < pace.joined_s:
                await asyncio.sleep(_LOOK_EVERY_S)
                looks.append(await site.look(http))
    return judged(shape, looks)


def judged(shape: Shape, looks: Sequence[Look]) -> Joined:
    """A late joiner's fate from a row of looks, the first at its start."""
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


Found = dict[str, list[Window]]


async def _turns(shape: Shape, ways: Sequence[Way], pace: Pace) -> Found:
    """Every way once a round."""
    found: Found = {way.name: [] for way in ways}
    for _ in range(pace.rounds):
        for way in ways:
            window = await measure(shape, way, pace)
            found[way.name].append(window)
            _tell(shape, way, window)
    return found


def _tell(shape: Shape, way: Way, window: Window) -> None:
    shares = f"  jain {jain(window.shares):.3f}" if way.workers > 1 else ""
    print(
        f"S={shape.seats:<4} {way.name:<16} busy {window.busy:6.1%}  queue {window.queue:7.1%}  "
        f"{window.tokens_s:8,.0f} tokens/s  step {window.step_ms:5.2f} ms  "
        f"idle {window.idle:4.0%}{shares}",
        flush=True,
    )


async def rows(quick: bool) -> list[Row]:
    """Run everything; minutes when `quick`, half an hour else."""
    pace = QUICK if quick else FULL
    fixed = [Way(f"fixed {n}", at_once=n) for n in (FIXED[1:3] if quick else FIXED)]
    ideal = [Way(f"ideal loop, {n} at once", 0, n) for n in (SMALL.seats, 2 * SMALL.seats)]
    crowd = [Way("one worker")] + [Way(f"{n} workers", n) for n in ((2,) if quick else (2, 4, 16))]
    small = await _turns(SMALL, [Way("adaptive"), *ideal, *fixed], pace)
    made = [*_busy(small, ideal), *_queue(SMALL, small, fixed)]
    if not quick:
        large = await _turns(LARGE, [Way("adaptive"), *fixed], pace)
        made += _queue(LARGE, large, fixed)
    made += _crowd(await _turns(SHARED, crowd, pace), crowd)
    joined = [await join_late(SHARED, pace) for _ in range(pace.rounds)]
    return [*made, *_joined(joined)]


def _percent(windows: Sequence[Window], field: str) -> list[float]:
    return [float(getattr(window, field)) * 100 for window in windows]


def _busy(found: Found, ideal: Sequence[Way]) -> list[Row]:
    ours = figure(_percent(found["adaptive"], "busy"), " %")
    others = [(way.name, figure(_percent(found[way.name], "busy"), " %")) for way in ideal]
    what = f"slots kept busy at saturation (S = {SMALL.seats}, 0.3 s)"
    return [Row(what, "≥ 98 %", ours, others, ours.median >= 98), _idle(found)]


def _idle(found: Found) -> Row:
    """What says whether the machine was what limited everything."""
    ours = figure(_percent(found["adaptive"], "idle"), " %")
    others = [(n, figure(_percent(w, "idle"), " %")) for n, w in found.items() if n != "adaptive"]
    return Row("processors at rest meanwhile", "", ours, others, None)


def _queue(shape: Shape, found: Found, fixed: Sequence[Way]) -> list[Row]:
    ours = figure(_percent(found["adaptive"], "queue"), " %")
    others = [(way.name, figure(_percent(found[way.name], "queue"), " %")) for way in fixed]
    speeds = {name: [window.tokens_s for window in found[name]] for name in found}
    names = [way.name for way in fixed]
    best = [max(speeds[name][n] for name in names) for n in range(len(speeds["adaptive"]))]
    share = figure([a / b * 100 for a, b in zip(speeds["adaptive"], best, strict=True)], " %")
    throughput = [(name, figure(speeds[name], " tokens/s")) for name in ["adaptive", *names]]
    saturated = f"while saturated, S = {shape.seats}"
    return [
        Row(f"server queue {saturated}", "≤ 5 % of running", ours, others, ours.median <= 5),
        Row(
            f"throughput {saturated}",
            "≥ 98 % of the best fixed limit",
            share,
            throughput,
            share.median >= 98,
        ),
    ]


def _crowd(found: Found, ways: Sequence[Way]) -> list[Row]:
    alone, *others = ways
    made: list[Row] = []
    for way in others:
        windows = found[way.name]
        pairs = zip(windows, found[alone.name], strict=True)
        speed = figure([ours.tokens_s / its.tokens_s * 100 for ours, its in pairs], " %")
        fair = figure([jain(window.shares) for window in windows])
        facts = [
            (f"{name}, {each.name}", figure(_percent(found[each.name], name), " %"))
            for name in ("busy", "queue", "idle")
            for each in (way, alone)
        ]
        what = f"{way.name} on one server (S = {SHARED.seats})"
        throughput = f"{what}: throughput"
        made += [
            Row(throughput, "≥ 98 % of one worker's", speed, facts, speed.median >= 98),
            Row(f"{what}: fairness (Jain)", "≥ 0.9", fair, (), fair.median >= 0.9),
        ]
    return made


def _joined(joined: Sequence[Joined]) -> list[Row]:
    fair = figure([each.fairness for each in joined])
    after = figure([each.fair_after_s for each in joined], " s")
    busy = figure([each.busy * 100 for each in joined], " %")
    facts = [("first fair 5 s end after", after), ("seats busy meanwhile", busy)]
    return [Row("a late joiner: fairness (Jain)", "≥ 0.9", fair, facts, fair.median >= 0.9)]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.saturation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a few minutes, one round")
    print(markdown(asyncio.run(rows(parser.parse_args().quick))))


if __name__ == "__main__":
    main()
