"""When a contender counts as recovered."""

from itertools import accumulate

from benchmarks.recovering import WINDOW_S, back_after_s, full_speed


def looks(*in_each_window: int) -> list[int]:
    """Jobs done at each look, from those done between them."""
    return list(accumulate(in_each_window, initial=1_000))


def test_full_speed_is_jobs_a_second():
    """Whatever was done before the first look does not count."""
    assert full_speed(looks(10, 30)) == 20 / WINDOW_S


def test_it_is_back_with_the_first_window_of_a_fast_second():
    """Nothing for two windows, then full speed: back at the end of the third."""
    assert back_after_s(looks(0, 0, 25, 25, 25, 25), 100) == 3 * WINDOW_S


def test_one_fast_window_is_not_enough():
    """A burst of jobs that were stuck is over before a second is."""
    assert back_after_s(looks(40, 0, 0, 0, 0, 0, 0), 100) is None


def test_95_percent_are_enough():
    """And 94 are not."""
    assert back_after_s(looks(24, 24, 24, 23), 100) == WINDOW_S
    assert back_after_s(looks(24, 24, 23, 23), 100) is None


def test_too_few_looks_tell_nothing():
    """A second has to be seen."""
    assert back_after_s(looks(25, 25, 25), 100) is None
