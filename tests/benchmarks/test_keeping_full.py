"""How the benchmark judges a worker that comes late."""

from collections.abc import Sequence

import pytest

from benchmarks.batching_server import Look, Shape
from benchmarks.keeping_full import ADAPTIVE, Way, judged
from benchmarks.sizes import SIZES

SHAPE = Shape(seats=10, step_ms=10, median_tokens=50)
NAMES = ("waiting_seconds_total", "generation_tokens_total", "steps_total")


def looks(*answers: tuple[int, int]) -> Sequence[Look]:
    """One each five seconds, of a server with nine seats of ten taken."""
    return [
        Look(
            {
                **dict.fromkeys(NAMES, 0.0),
                "clock_seconds": 5.0 * n,
                "running_seconds_total": 45.0 * n,
            },
            (float(n), 0.0),
            each,
        )
        for n, each in enumerate(answers)
    ]


def test_a_late_joiner_that_gets_its_share() -> None:
    """Fair from the look on after which it had enough for the first time."""
    joined = judged(SHAPE, looks((100, 0), (150, 0), (190, 10), (220, 30), (245, 55)))
    assert joined == {"fair after": 15, "jain": 1, "busy": pytest.approx(90)}


def test_a_late_joiner_that_gets_next_to_nothing() -> None:
    """It was never fair."""
    joined = judged(SHAPE, looks((100, 0), (150, 1), (200, 2), (250, 3)))
    assert joined["fair after"] == "> 15 s"
    assert float(joined["jain"]) < 0.6


def test_ways_and_their_time() -> None:
    """What adapts has longer before it is measured, and several of them longest."""
    size = SIZES["full"]
    fixed = Way("fixed-16", "fixed", at_once=16)
    assert fixed.settings["LLM_ADAPTIVE"] == "false"
    assert fixed.settings["WORKER_CONCURRENCY"] == fixed.settings["BENCH_AT_ONCE"] == "16"
    assert Way("ours", "adaptive").settings == ADAPTIVE
    ways = (fixed, Way("ours", "adaptive"), Way("4-workers", "many", workers=4))
    assert [way.warm_s(size) for way in ways] == [4, size.alone_s, size.crowd_s]
