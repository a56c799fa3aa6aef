"""Measuring everybody in turn."""

import pytest

from benchmarks.contenders import IDEAL, OURS, Contender
from benchmarks.process_tree import BenchFailed
from benchmarks.table import Figure, Row
from benchmarks.turns import Found, Measured, Part, of_contenders


def rows(found: Found) -> list[Row]:
    """Of one figure, and of one that nobody has."""
    return [found.row("speed", "ms", "ms"), found.row("size", "MiB", "MiB")]


def run(part: Part) -> tuple[list[list[Row]], list[str]]:
    """What a part gives on the way, and what it says."""
    said: list[str] = []
    return list(part.measured(said.append)), said


def test_everybody_is_measured_in_turn():
    """Ours, the ideal loop, ours, the ideal loop; what is noted stands beside the figures once."""
    turns: list[str] = []

    def measure(who: Contender) -> Measured:
        turns.append(who.module)
        return {"ms": float(len(turns)), "note": "2 jobs undone" if who is IDEAL else ""}

    given, said = run(Part(of_contenders([OURS, IDEAL], measure), 2, 1, rows))
    assert turns == ["ours", "ideal", "ours", "ideal"]
    last = Figure("ideal loop", (2.0, 4.0), "2 jobs undone (2 x)")
    assert given[-1][0] == Row("speed", "ms", Figure("llm-worker", (1.0, 3.0)), (last,))
    assert said[2].startswith("ms 3.00 [llm-worker, 2 of 2;")


def test_rows_are_given_as_soon_as_there_is_something():
    """Whoever stops a run has what was measured until then."""
    given, _ = run(Part(of_contenders([OURS, IDEAL], lambda _: {"ms": 1.0}), 1, 1, rows))
    assert given[0] == [Row("speed", "ms", Figure("llm-worker", (1.0,)))]
    assert len(given) == 2


def test_who_fails_has_no_figure_and_stops_nobody(capsys: pytest.CaptureFixture[str]):
    """The first line of the failure is noted; the rest is on the screen."""

    def measure(who: Contender) -> Measured:
        if who is OURS:
            raise BenchFailed("ended with 1\nTraceback")
        return {"ms": 1.0}

    given, _ = run(Part(of_contenders([OURS, IDEAL], measure), 1, 1, rows))
    ours, other = Figure("llm-worker", (), "ended with 1"), Figure("ideal loop", (1.0,))
    assert given[-1][0] == Row("speed", "ms", ours, (other,))
    assert "Traceback" in capsys.readouterr().err


def test_words_stand_for_a_figure_that_there_is_not():
    """Somebody was not back in time."""
    found = Found(of_contenders([OURS], lambda _: {}))
    found.add(OURS.name, {"s": "> 15 s", "note": "3 jobs undone"})
    assert str(found.figure(OURS.name, "s")) == "> 15 s; 3 jobs undone"


def test_who_takes_turns_can_be_chosen():
    """By key; ours is where ours belongs also where it takes no part."""
    part = Part(of_contenders([OURS, IDEAL], lambda _: {"ms": 1.0}), 2, 30, rows).only(["ideal"])
    assert [turn.key for turn in part.turns] == ["ideal"]
    assert part.expected_s == 60
    [row] = run(part)[0][-1]
    assert row.ours == Figure(OURS.name, ())
    assert row.others == (Figure(IDEAL.name, (1.0, 1.0)),)


def test_a_row_may_be_of_some_of_them():
    """The first name is the one that is judged."""
    found = Found(of_contenders([OURS, IDEAL], lambda _: {}))
    found.add(IDEAL.name, {"ms": 2.0})
    assert found.row("x", "ms", "ms", (), [IDEAL.name]) == Row(
        "x", "ms", Figure(IDEAL.name, (2.0,))
    )
