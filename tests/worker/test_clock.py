"""The real clock, as far as it can be held to anything."""

import time

from worker.clock import Clock


def test_real_time_and_real_dice() -> None:
    """Unix seconds, a time that only grows, and numbers between 0 and 1."""
    clock, before = Clock(), time.time()
    assert before <= clock.now() <= time.time()
    assert clock.elapsed() <= clock.elapsed()
    assert all(0 <= clock.jitter() < 1 for _ in range(100))
    assert len({clock.jitter() for _ in range(100)}) > 50


def test_made_up_time() -> None:
    """Tests say what time it is."""
    clock = Clock(now=lambda: 7.0, elapsed=lambda: 8.0, jitter=lambda: 0.5)
    assert (clock.now(), clock.elapsed(), clock.jitter()) == (7.0, 8.0, 0.5)
