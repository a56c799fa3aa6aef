"""How the benchmark judges a worker that comes late."""

from collections.abc import Sequence

import pytest

from benchmarks.batching_server import Look, Shape
from benchmarks.keeping_full import ADAPTIVE, Pace, Way, judged

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
    assert joined.fair_after_s == 15
    assert joined.fairness == 1
    assert joined.busy == pytest.approx(0.9)


def test_a_late_joiner_that_gets_next_to_nothing() -> None:
    """It was never fair."""
    joined = judged(SHAPE, looks((100, 0), (150, 1), (200, 2), (250, 3)))
    assert joined.fair_after_s == float("inf")
    assert joined.fairness < 0.6


def test_ways_and_their_time() -> None:
    """What adapts has longer before it is measured, and several of them longest."""
    pace = Pace(1, adapt_s=20, crowd_s=60, start_s=4, window_s=10, joined_s=40)
    fixed = Way("fixed", at_once=16)
    assert fixed.settings == {"LLM_ADAPTIVE": "false", "WORKER_CONCURRENCY": "16"}
    assert Way("adaptive").settings == ADAPTIVE
    ways = (fixed, Way("adaptive"), Way("many", 4))
    assert [way.warm_s(pace) for way in ways] == [4, 20, 60]
