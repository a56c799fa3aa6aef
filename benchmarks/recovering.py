"""When is it back at full speed? Pure: counts in, seconds out."""

from collections.abc import Sequence

WINDOW_S = 0.25
_STEADY = 4
"""Windows that are looked at together: a single one holds too few jobs to tell 95 % from 90 %."""


def full_speed(done: Sequence[int]) -> float:
    """Jobs a second over so many looks, `WINDOW_S` apart."""
    return (done[-1] - done[0]) / ((len(done) - 1) * WINDOW_S)


def back_after_s(done: Sequence[int], full: float, share: float = 0.95) -> float | None:
    """Seconds until jobs are done at that share of full speed again, and for a second.

    Args:
        done: jobs done at looks `WINDOW_S` apart, the first at the outage's end.
        full: the speed before the outage, in jobs a second.
        share: of it.

    Returns:
        the end of the first window that begins such a second; None if there is none.
    """
    for start in range(len(done) - _STEADY):
        if full_speed(done[start : start + _STEADY + 1]) >= share * full:
            return (start + 1) * WINDOW_S
    return None
