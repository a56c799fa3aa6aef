"""When a contender counts as recovered."""

from itertools import accumulate

from benchmarks.recovering import WINDOW_S, back_after_s, full_speed


def looks(*in_each_window: int) -> list[int]:
    """Jobs done at each look, from those done between them."""
    return list(accumulate(in_each_window, initial=1_000))


def test_full_speed_is_jobs_a_second():
    """Whatever was done before the first look does not count."""
    assert full_speed(looks(10, 30)) == 20 / WINDOW_S


def test_it_is_back_with_the_first_window_of_fast_seconds():
    """Nothing for two windows, then full speed: back at the end of the third."""
    assert back_after_s(looks(0, 0, *[25] * 8), 100) == 3 * WINDOW_S


def test_a_burst_is_no_speed():
    """What was stuck comes at once, and then comes nothing for a while."""
    assert back_after_s(looks(200, *[0] * 8), 100) is None
    assert back_after_s(looks(200, 0, *[25] * 8), 100) == 3 * WINDOW_S


def test_95_percent_are_enough():
    """And 94 are not."""
    assert back_after_s(looks(*[24] * 6, 23, 23), 100) == WINDOW_S
    assert back_after_s(looks(*[24] * 4, *[23] * 4), 100) is None


def test_too_few_looks_tell_nothing():
    """Two seconds have to be seen."""
    assert back_after_s(looks(*[25] * 7), 100) is None
