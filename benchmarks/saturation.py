"""Is the server kept full, without a queue, by one worker and by many that share it?

    python -m benchmarks.saturation [--quick] [--rounds N] [--slow TIMES]

Real: the daemon as a process, Redis, HTTP. Stand-ins: a batching server (`batching_server.Shape`)
and a Core that answers at once, each a process. There are more jobs than can be done. All figures
are the server's own counters between two looks, after a time to get going; who got how much is each
worker's own count. The ways to be compared take turns within a round; figures are medians of the
rounds, with least and most. The more workers there are, the longer the answers, so that a small
machine's processors are not what is measured; moments in which they had nothing to spare are left
out, unless there is hardly anything else, and what they had to spare is a row of its own. Where
others use the machine too, `--slow 4` makes the answers for one worker take four times as long.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.batching_server import Shape, Window, jain
from benchmarks.figures import Figure, Row, figure, markdown
from benchmarks.keeping_full import Joined, Pace, Way, join_late, measure

SMALL = Shape(seats=64, step_ms=5, median_tokens=43)
"""About 59 tokens in 0.3 s."""
LARGE = Shape(seats=256, step_ms=20, median_tokens=43)
"""The same number of answers a second from four times the seats."""
SHARED = Shape(seats=128, step_ms=20, median_tokens=86)
"""About 118 tokens in 2.4 s, 54 answers a second."""

FIXED = (16, 64, 256, 1_024)
CROWDS = (2, 4, 16)
FULL = Pace(rounds=3, adapt_s=25, crowd_s=40, start_s=6, window_s=15, joined_s=45)
QUICK = Pace(rounds=1, adapt_s=20, crowd_s=30, start_s=4, window_s=10, joined_s=45)


_OURS = "adaptive"
Found = dict[str, list[Window]]
"""By the way's name, one for each round."""


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


async def rows(quick: bool, rounds: int | None = None, slow: float = 1) -> list[Row]:
    """Run everything: some six minutes when `quick`, else ten for each round.

    Args:
        quick: one round of what matters most.
        rounds: how often each way is measured; three times, or once when `quick`.
        slow: so many times as long takes each step of the servers for one worker.
    """
    small, large = (replace(shape, step_ms=shape.step_ms * slow) for shape in (SMALL, LARGE))
    pace = QUICK if quick else FULL
    pace = replace(pace, rounds=rounds or pace.rounds)
    adaptive = Way(_OURS)
    fixed = [Way(f"fixed {n}", at_once=n) for n in (FIXED[1:3] if quick else FIXED)]
    ideal = [Way(f"ideal loop, {n} at once", 0, n) for n in (small.seats, 2 * small.seats)]
    crowd = [Way("one worker"), *(Way(f"{n} workers", n) for n in ((2,) if quick else CROWDS))]
    found = await _turns(small, [adaptive, *ideal, *fixed], pace)
    made = [*_busy(small, found, ideal), *_queue(small, found, fixed)]
    if not quick:
        made += _queue(large, await _turns(large, [adaptive, *fixed], pace), fixed)
    made += _crowd(SHARED, await _turns(SHARED, crowd, pace), crowd)
    return [*made, *_joined([await join_late(SHARED, pace) for _ in range(pace.rounds)])]


def _percent(windows: Sequence[Window], field: str) -> list[float]:
    return [float(getattr(window, field)) * 100 for window in windows]


def _figures(found: Found, field: str, ways: Sequence[Way]) -> list[tuple[str, Figure]]:
    return [(way.name, figure(_percent(found[way.name], field), " %")) for way in ways]


def _busy(shape: Shape, found: Found, ideal: Sequence[Way]) -> list[Row]:
    """How full the server was, and whether it was the machine that limited everything."""
    busy, idle = (figure(_percent(found[_OURS], name), " %") for name in ("busy", "idle"))
    what = f"slots kept busy at saturation (S = {shape.seats}, {shape.answer_s:.1f} s)"
    return [
        Row(what, "≥ 98 %", busy, _figures(found, "busy", ideal), busy.median >= 98),
        Row("processors at rest meanwhile", "", idle, _figures(found, "idle", ideal), None),
    ]


def _queue(shape: Shape, found: Found, fixed: Sequence[Way]) -> list[Row]:
    ours = figure(_percent(found[_OURS], "queue"), " %")
    others = _figures(found, "queue", fixed)
    speeds = {name: [window.tokens_s for window in found[name]] for name in found}
    names = [way.name for way in fixed]
    best = [max(speeds[name][n] for name in names) for n in range(len(speeds[_OURS]))]
    share = figure([a / b * 100 for a, b in zip(speeds[_OURS], best, strict=True)], " %")
    throughput = [(name, figure(speeds[name], " tokens/s")) for name in [_OURS, *names]]
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


def _crowd(shape: Shape, found: Found, ways: Sequence[Way]) -> list[Row]:
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
        what = f"{way.name} on one server (S = {shape.seats})"
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
    parser.add_argument("--quick", action="store_true", help="one round of what matters most")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--slow", type=float, default=1, help="times as long for each answer")
    chosen = parser.parse_args()
    print(markdown(asyncio.run(rows(chosen.quick, chosen.rounds, chosen.slow))))


if __name__ == "__main__":
    main()
