"""Is a batching server kept full, without a queue, by one worker and by many that share it?

Real: the daemon as a process, Redis, HTTP. Stand-ins: a batching server (`batching_server.Shape`)
and a Core that answers at once, each a process. There are more jobs than can be done. All figures
are the server's own counters between two looks, after a time to get going; who got how much is each
worker's own count. The more workers there are, the longer the answers, so that a small machine's
processors are not what is measured; moments in which they had nothing to spare are left out, unless
there is hardly anything else, and what they had to spare is a row of its own.
"""

from collections.abc import Sequence
from functools import partial
from statistics import fmean

from benchmarks.batching_server import Shape
from benchmarks.contenders import IDEAL, OURS
from benchmarks.keeping_full import Way, join_late, measure
from benchmarks.sizes import Size
from benchmarks.table import BEST, Row, Target
from benchmarks.turns import Found, MakeRows, Part, Turn

SMALL = Shape(seats=64, step_ms=5, median_tokens=43)
"""About 59 tokens in 0.3 s."""
LARGE = Shape(seats=256, step_ms=20, median_tokens=43)
"""The same number of answers a second from four times the seats."""
SHARED = Shape(seats=128, step_ms=20, median_tokens=86)
"""About 118 tokens in 2.4 s, 54 answers a second."""

FIXED = [Way(f"fixed-{n}", f"fixed {n}", n) for n in (16, 64, 256, 1_024)]
_ALONE = Way("1-worker", "one worker")
CROWDS = [Way(f"{n}-workers", f"{n} workers", workers=n) for n in (2, 4, 8, 16)]
_START_S = 6.0
"""Until site, jobs and worker are there."""


def alone(size: Size, shape: Shape) -> Part:
    """One worker whose limit adapts, beside fixed limits and, on the small server, ideal loops."""
    numbers = (shape.seats, 2 * shape.seats) if shape is SMALL else ()
    loops = [Way("ideal", f"{IDEAL.name}, {n} at once", n, contender=IDEAL) for n in numbers]
    ways = [Way("ours", OURS.name), *loops, *FIXED]

    def rows(found: Found) -> list[Row]:
        meanwhile = f"at saturation (S = {shape.seats}, {shape.answer_s:.1f} s)"
        full, fixed = ([OURS.name, *(way.name for way in some)] for some in (loops, FIXED))
        busy, best = Target(98, at_least=True), Target(0.98, of=BEST, at_least=True)
        return [
            found.row(f"slots kept busy {meanwhile}", "%", "busy", (busy,), full),
            found.row(f"server queue {meanwhile}", "% of running", "queue", (Target(5),), fixed),
            found.row(f"throughput {meanwhile}", "tokens/s", "tokens/s", (best,), fixed),
            found.row(f"processors at rest {meanwhile}", "%", "at rest"),
        ]

    return _part(shape, ways, size, rows)


def shared(size: Size) -> Part:
    """Several that share a server, beside one that has it to itself."""

    def rows(found: Found) -> list[Row]:
        speed, fair = Target(0.98, of=_ALONE.name, at_least=True), Target(0.9, at_least=True)
        made: list[Row] = []
        for way in CROWDS:
            what = f"{way.name} on one server (S = {SHARED.seats}): "
            names = (way.name, _ALONE.name)
            made += [
                found.row(what + "throughput", "tokens/s", "tokens/s", (speed,), names),
                found.row(what + "fairness (Jain)", "", "jain", (fair,), names[:1]),
                found.row(what + "server queue", "% of running", "queue", (), names),
                found.row(what + "processors at rest", "%", "at rest", (), names),
            ]
        return [row for row in made if not row.ours.is_empty]

    return _part(SHARED, [_ALONE, *CROWDS], size, rows)


def late(size: Size) -> Part:
    """A worker that comes when another has the server to itself."""

    def rows(found: Found) -> list[Row]:
        what = f"a late joiner (S = {SHARED.seats}): "
        return [
            found.row(what + "fairness (Jain)", "", "jain", (Target(0.9, at_least=True),)),
            found.row(what + "the first fair 5 s end after", "s", "fair after"),
            found.row(what + "slots busy meanwhile", "%", "busy"),
        ]

    turn = Turn("ours", OURS.name, partial(join_late, SHARED, size))
    return Part([turn], size.long_runs, _START_S + size.alone_s + size.joined_s, rows)


def _part(shape: Shape, ways: Sequence[Way], size: Size, rows: MakeRows) -> Part:
    turns = [Turn(way.key, way.name, partial(measure, shape, way, size)) for way in ways]
    warm_s = fmean(way.warm_s(size) for way in ways)
    return Part(turns, size.long_runs, _START_S + warm_s + 1.2 * size.window_s, rows)
