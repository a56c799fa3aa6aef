"""The control channel: a connection of its own, on which nothing is asked and much is waited.

A message says only that there is something to look at; what that is stands in Redis. So one that is
lost costs seconds, and none has to be believed.
"""

import asyncio
from collections.abc import Callable

import structlog
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from worker.clock import Clock
from worker.queue.redis_address import read_address
from worker.queue.redis_clients import FATAL, OUTAGE, describe
from worker.queue.redis_connections import Connections

log = structlog.get_logger(__name__)

_AGAIN_S = 1.0
_REFUSED_AGAIN_S = 60.0


class ControlChannel:
    """Listens, and subscribes again after every outage.

    Args:
        url: of the server, as in `REDIS_URL`.
        channel: its name.
        clock: chance, for when to subscribe again.
    """

    def __init__(self, url: str, channel: str, clock: Clock) -> None:
        self._url = url
        self._channel = channel
        self._clock = clock
        self._is_refused = False

    async def listen(self, heard: Callable[[], object]) -> None:
        """Call `heard` for each message, and after each time that some may have been missed.

        Until cancelled.
        """
        pool = Connections(read_address(self._url), self._channel).pool(1)
        while True:
            again_s = _AGAIN_S
            try:
                await self._subscribed(pool, heard)
            except FATAL as error:
                again_s = self._refused(error)
            except OUTAGE:
                pass  # the claim loop speaks of it
            except RedisError as error:
                again_s = self._refused(error)
            await asyncio.sleep(again_s * (0.5 + self._clock.jitter()))

    async def _subscribed(self, pool: BlockingConnectionPool, heard: Callable[[], object]) -> None:
        connection = pool.make_connection()
        try:
            await connection.connect()
            await connection.send_command("SUBSCRIBE", self._channel)
            while True:
                await connection.read_response()
                self._is_refused = False
                heard()
        finally:
            await connection.disconnect(nowait=True)

    def _refused(self, error: Exception) -> float:
        if not self._is_refused:
            fix = "docs/redis.md has the rights; until then the marks are read every few seconds"
            log.warning("control_channel_refused", error=describe(error), fix=fix)
        self._is_refused = True
        return _REFUSED_AGAIN_S
