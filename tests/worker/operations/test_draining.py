"""How long it takes until nothing is left."""

import pytest

from worker.operations.draining import Draining, gained


@pytest.mark.parametrize(
    ("draining", "in_s", "said"),
    [
        (Draining(0, 90, -90), None, "-"),
        (Draining(90, 15, -30), 180, "3 min"),
        (Draining(90, 15, 12), None, "grows by 12/min"),
        (Draining(90, 15, 1_200), None, "grows by 1,200/min"),
        (Draining(90, 15, 0), None, "steady"),
        (Draining(90, 15), 360, "at least 6 min"),
        (Draining(90, 0), None, "-"),
        (Draining(0, 90), None, "-"),
        (Draining(90, 15, -30, halted=True), None, "stands still"),
        (Draining(0, 15, -30, halted=True), None, "-"),
    ],
)
def test_in_words(draining: Draining, in_s: float | None, said: str) -> None:
    """Until when, or why that is nobody's guess."""
    assert (draining.in_s, draining.said) == (in_s, said)


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ([(940.0, 130)], -30),
        ([(970.0, 130)], -60),
        ([(970.0, 130), (940.0, 160), (960.0, 0)], -60),
        ([], None),
        ([(990.0, 130)], None),
        ([(800.0, 130)], None),
        ([(1_040.0, 130)], None),
    ],
)
def test_the_oldest_look_that_is_not_too_old(
    before: list[tuple[float, int]], found: int | None
) -> None:
    """Whoever it is of; without one nothing is known."""
    assert gained(100, before, 1_000.0, 0) == found


@pytest.mark.parametrize(
    ("was", "ended", "found"),
    [
        (103, 3, -3),  # nothing arrived: slow, and it shrinks
        (110, 600, 0),  # 590 arrived; ten more or less are chance
        (90, 600, 0),
        (130, 600, -30),
        (70, 600, 30),
        (99, 0, 0),  # one arrived, and nobody takes them
        (97, 0, 3),
    ],
)
def test_what_may_be_chance_is_no_growth(was: int, ended: int, found: int) -> None:
    """A queue that keeps its length does not grow by one a minute."""
    assert gained(100, [(940.0, was)], 1_000.0, ended) == found
