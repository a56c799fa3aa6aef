"""What the saturation benchmark makes of a server's counters."""

from dataclasses import replace
from operator import add

import pytest

from benchmarks.batching_server import Look, Shape, between, jain
from worker.embedded.model import main as model

SHAPE = Shape(seats=4, step_ms=10, median_tokens=50)
COUNTERS = {
    "clock_seconds": 100.0,
    "running_seconds_total": 7.0,
    "waiting_seconds_total": 2.0,
    "generation_tokens_total": 1_000.0,
    "steps_total": 10.0,
}
BEFORE = Look(COUNTERS, (50.0, 20.0), (5,))
AFTER = Look(
    {
        "clock_seconds": 110.0,
        "running_seconds_total": 37.0,
        "waiting_seconds_total": 5.0,
        "generation_tokens_total": 4_000.0,
        "steps_total": 1_010.0,
    },
    (70.0, 25.0),
    (45, 10),
)


def test_two_looks_are_a_window() -> None:
    """Shares of seats, queue and processors, speeds, and what each worker got; late ones too."""
    window = between(SHAPE, BEFORE, AFTER)
    assert (window.busy, window.queue, window.idle) == (0.75, 0.1, 0.25)
    assert window.step_ms == 10
    assert window.due_s == pytest.approx(1_000 * 0.0075 + 3_000 * 0.000625)  # three seats taken
    assert window.tokens_s == pytest.approx(3_000 / window.due_s)
    assert window.shares == (40, 10)


def test_windows_add_up() -> None:
    """A look between two others changes nothing."""
    middle = replace(AFTER, counters={n: v + 1 for n, v in COUNTERS.items()}, answers=(9, 0))
    whole = between(SHAPE, replace(BEFORE, answers=(5, 0)), AFTER)
    halves = between(SHAPE, replace(BEFORE, answers=(5, 0)), middle), between(SHAPE, middle, AFTER)
    together = add(*halves)
    assert together.due_s == pytest.approx(whole.due_s)
    assert replace(together, due_s=whole.due_s) == whole


@pytest.mark.parametrize(
    ("shares", "index"), [((5, 5, 5), 1.0), ((9, 0, 0), 1 / 3), ((2, 1), 0.9), ((0, 0), 0.0)]
)
def test_jains_index(shares: tuple[int, ...], index: float) -> None:
    """From one n-th to one."""
    assert jain(shares) == pytest.approx(index)


def test_a_shape_is_a_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The stand-in knows every word of it; a full step is as long as the shape says."""
    module, *options = SHAPE.command
    assert module == model.__module__
    with pytest.raises(SystemExit) as ended:
        model([*options, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage")
    said = dict(word.removeprefix("--").split("=") for word in options if "=" in word)
    full_ms = float(said["step-ms"]) + float(said["sequence-ms"]) * SHAPE.seats
    assert full_ms == pytest.approx(SHAPE.step_ms)
    assert SHAPE.answer_s == pytest.approx(0.010 * 50 * 1.377, rel=1e-3)
