"""What has to be looked after now and then, and by any one worker: strays, lost tickets, dead
consumers, the number of dead letters.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from redis.exceptions import RedisError

from worker.clock import Clock
from worker.queue.redis_clients import OUTAGE, describe
from worker.queue.upkeep import Upkeep
from worker.strays import Strays

log = structlog.get_logger(__name__)

_EVERY_S = 30.0
_CONSUMERS_EVERY_S = 600.0
_CONSUMER_DEAD_AFTER_MS = 3_600_000
_NEARLY_FULL = 0.8


class Janitor:
    """Sweeps, until cancelled."""

    def __init__(
        self, upkeep: Upkeep, strays: Strays, clock: Clock, *, dead_letters_kept: int
    ) -> None:
        self._upkeep = upkeep
        self._strays = strays
        self._clock = clock
        self._dead_letters_kept = dead_letters_kept
        self._nearly_full = False
        self._consumers_at = clock.elapsed() + _CONSUMERS_EVERY_S * clock.jitter()

    async def sweep_forever(self, every_s: float = _EVERY_S) -> None:
        """Sweep every so often; a fleet's workers spread by chance."""
        while True:
            await self.sweep()
            await asyncio.sleep(every_s * (0.7 + 0.6 * self._clock.jitter()))

    async def sweep(self) -> None:
        """Look after everything that is due; what fails keeps nothing else from its turn."""
        await self._try(self._strays.sweep, "strays")
        await self._try(self._restore_tickets, "tickets")
        await self._try(self._count_letters, "dead letters")
        if self._clock.elapsed() >= self._consumers_at:
            self._consumers_at = self._clock.elapsed() + _CONSUMERS_EVERY_S
            await self._try(self._forget_consumers, "dead consumers")

    async def _try(self, step: Callable[[], Awaitable[object]], what: str) -> None:
        try:
            await step()
        except OUTAGE:
            pass  # the claim loop speaks of it
        except RedisError as error:  # a user who may not SCAN still works
            log.warning("not_swept", what=what, error=describe(error))

    async def _restore_tickets(self) -> None:
        restored = await self._upkeep.restore_tickets()
        if restored:
            log.warning("tickets_restored", entries=restored)

    async def _count_letters(self) -> None:
        letters = await self._upkeep.dead_letters()
        was_nearly_full = self._nearly_full
        self._nearly_full = letters >= self._dead_letters_kept * _NEARLY_FULL
        if self._nearly_full and not was_nearly_full:
            log.warning(
                "dead_letters_nearly_full",
                letters=letters,
                kept=self._dead_letters_kept,
                fix="llm-worker dead replay or purge; beyond DEAD_LETTER_MAX the oldest go",
            )

    async def _forget_consumers(self) -> None:
        gone = await self._upkeep.forget_dead_consumers(_CONSUMER_DEAD_AFTER_MS)
        if gone:
            log.info("dead_consumers_forgotten", consumers=gone)
