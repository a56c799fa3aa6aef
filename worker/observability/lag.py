"""How late the event loop is: what holds it up holds up every job, lease and health page."""

import asyncio

from worker.clock import Clock
from worker.observability.catalogue.doing import LAG
from worker.observability.tally import Timings

EVERY_S = 0.5
"""Two wake-ups a second are a few hundredths of a percent of a core; what holds the loop up for
longer than this is always seen."""


class LagWatch:
    """Has a timer go off again and again.

    Attributes:
        lags: how late each was.
    """

    def __init__(self, clock: Clock, every_s: float = EVERY_S) -> None:
        self.lags = Timings(LAG)
        self._clock = clock
        self._every_s = every_s

    async def run(self) -> None:
        """Watch; never returns."""
        while True:
            due = self._clock.elapsed() + self._every_s
            await asyncio.sleep(self._every_s)
            self.lags.observe((), self._clock.elapsed() - due)
