"""How much there is to do, and whether it is again as little as it was."""

import asyncio
import time
from contextlib import suppress
from typing import cast

from drills.site import Site
from shared.enums import JobType
from shared.redis_streams import Keys, StreamClient
from worker.queue.redis_clients import OUTAGE

_LOOK_EVERY_S = 0.5


class Backlog:
    """The jobs in all streams.

    Args:
        usual: so many are no backlog, however few there were while it was quiet.
    """

    def __init__(self, client: StreamClient, keys: Keys, usual: int) -> None:
        self._client = client
        self._streams = [keys.stream(job_type) for job_type in JobType]
        self.most = usual
        """The most that was seen while everything was well."""

    async def count(self) -> int:
        """How many jobs there are.

        Raises:
            OSError, redis.exceptions.RedisError: Redis is away.
        """
        lengths = [await self._client.execute_command("XLEN", name) for name in self._streams]
        return sum(cast("list[int]", lengths))

    async def watch(self, quiet_s: float) -> None:
        """Let time pass while everything is well, and learn how many there are then."""
        over_at = time.monotonic() + quiet_s
        while (left_s := over_at - time.monotonic()) > 0:
            with suppress(*OUTAGE):  # a trainee may have broken something, too
                self.most = max(self.most, await self.count())
            await asyncio.sleep(min(_LOOK_EVERY_S, left_s))

    async def is_back(self, site: Site, patience_s: float) -> float | None:
        """Seconds until there were no more jobs than before and all was well; None: in vain."""
        return await self._falls_to(self.most, site, patience_s)

    async def is_empty(self, site: Site, patience_s: float) -> float | None:
        """Seconds until there were none; None: in vain."""
        return await self._falls_to(0, site, patience_s)

    async def _falls_to(self, most: int, site: Site, patience_s: float) -> float | None:
        began = time.monotonic()
        while (passed_s := time.monotonic() - began) < patience_s:
            if await self._is_down(most) and await site.is_well():
                return passed_s
            await asyncio.sleep(_LOOK_EVERY_S)
        return None

    async def _is_down(self, most: int) -> bool:
        try:
            return await self.count() <= most
        except OUTAGE:  # it has been back for a moment only
            return False
