"""How late the event loop is: what holds it up holds up every job, lease and health page."""

import asyncio

from worker.clock import Clock
from worker.observability.tally import Timings

EVERY_S = 0.5
"""Two wake-ups a second are a few hundredths of a percent of a core; what holds the loop up for
longer than this is always seen."""


async def watch_lag(lags: Timings, clock: Clock, every_s: float = EVERY_S) -> None:
    """Have a timer go off again and again, and count how late it was; never returns."""
    while True:
        due = clock.elapsed() + every_s
        await asyncio.sleep(every_s)
        lags.observe((), clock.elapsed() - due)
