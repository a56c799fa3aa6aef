"""When is it back at full speed? Pure: counts in, seconds out."""

from collections.abc import Sequence
from itertools import pairwise

WINDOW_S = 0.25
STEADY = 8
"""Windows that are looked at together: a single one holds too few jobs to tell 95 % from 90 %."""
_BURST = 1.5
"""A window counts as no more than so many of full speed: what was only stuck comes in one burst,
and is no speed."""


def full_speed(done: Sequence[int]) -> float:
    """Jobs a second over so many looks, `WINDOW_S` apart."""
    return (done[-1] - done[0]) / ((len(done) - 1) * WINDOW_S)


def back_after_s(done: Sequence[int], full: float, share: float = 0.95) -> float | None:
    """Seconds until jobs are done at that share of full speed again, and for two seconds.

    Args:
        done: jobs done at looks `WINDOW_S` apart, the first at the outage's end.
        full: the speed before the outage, in jobs a second.
        share: of it.

    Returns:
        the end of the first window that begins such two seconds; None if there is none.
    """
    whole = full * WINDOW_S
    windows = [min(after - before, _BURST * whole) for before, after in pairwise(done)]
    for start in range(len(windows) - STEADY + 1):
        if sum(windows[start : start + STEADY]) >= share * whole * STEADY:
            return (start + 1) * WINDOW_S
    return None
