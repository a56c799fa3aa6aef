"""Who was wrong too often has to wait."""

from worker.page.tries import FEW, KNOWN_MAX, WINDOW_S, Tries


def test_a_few_are_free() -> None:
    """Then one waits until the first of them is a minute old."""
    tries = Tries()
    for second in range(FEW):
        assert tries.wait_s("a", 100.0 + second) == 0
        tries.failed("a", 100.0 + second)
    assert tries.wait_s("a", 105.0) == WINDOW_S - 5
    assert tries.wait_s("b", 105.0) == 0
    assert tries.wait_s("a", 100.0 + WINDOW_S) == 0
    tries.failed("a", 100.0 + WINDOW_S)
    assert tries.wait_s("a", 100.0 + WINDOW_S) == 1.0


def test_no_crowd_fills_the_memory() -> None:
    """The first are forgotten."""
    tries = Tries()
    for number in range(KNOWN_MAX + 10):
        for _ in range(FEW + 3):
            tries.failed(str(number), 1.0)
    assert len(tries) == KNOWN_MAX
    assert tries.wait_s("0", 1.0) == 0
    assert tries.wait_s(str(KNOWN_MAX), 1.0) > 0
