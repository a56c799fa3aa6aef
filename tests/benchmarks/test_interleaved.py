"""Measuring everybody in turn."""

import pytest

from benchmarks.bench import BenchFailed
from benchmarks.contenders import IDEAL, OURS, Contender
from benchmarks.interleaved import Measured, Scale, interleaved
from benchmarks.table import Figure


def test_everybody_is_measured_in_turn(capsys: pytest.CaptureFixture[str]):
    """Ours, the ideal loop, ours, the ideal loop; what is noted stands beside the figures once."""
    turns: list[str] = []

    def measure(who: Contender) -> Measured:
        turns.append(who.module)
        return {"ms": float(len(turns)), "note": "2 jobs undone" if who is IDEAL else ""}

    found = interleaved(["ms"], [OURS, IDEAL], 2, measure)
    assert turns == ["ours", "ideal", "ours", "ideal"]
    assert found["ms"] == [
        Figure("llm-worker", (1.0, 3.0)),
        Figure("ideal loop", (2.0, 4.0), "2 jobs undone (2 x)"),
    ]
    assert "run 2 of 2: llm-worker: ms 3.00" in capsys.readouterr().err


def test_who_fails_has_no_figure_and_stops_nobody(capsys: pytest.CaptureFixture[str]):
    """The first line of the failure is noted; the rest is on the screen."""

    def measure(who: Contender) -> Measured:
        if who is OURS:
            raise BenchFailed("ended with 1\nTraceback")
        return {"ms": 1.0}

    found = interleaved(["ms"], [OURS, IDEAL], 1, measure)
    assert found["ms"] == [Figure("llm-worker", (), "ended with 1"), Figure("ideal loop", (1.0,))]
    assert "Traceback" in capsys.readouterr().err


def test_contenders_can_be_chosen():
    """Ours first; the ideal loop only where it says something."""
    assert Scale().contenders(with_ideal=True)[:2] == [OURS, IDEAL]
    assert IDEAL not in Scale().contenders(with_ideal=False)
    assert Scale(names=["ideal"]).contenders(with_ideal=True) == [IDEAL]
