"""Time and chance as arguments: real ones in the daemon, made-up ones in tests."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the program gets the time and its dice from."""

    now: Callable[[], float] = time.time
    """Unix seconds."""
    elapsed: Callable[[], float] = time.monotonic
    """Seconds that only ever grow, for durations."""
    jitter: Callable[[], float] = random.random
    """0 to 1."""
