"""Sessions that somebody signed out of before their time: no worker takes them any more.

A session is signed, and kept nowhere; only its early end is, in Redis, where every worker that has
its token looks, until its time is over. While Redis is away only the process that was told knows.
"""

import asyncio
from math import ceil

from redis.exceptions import RedisError

from shared.redis_streams import Keys, StreamClient
from worker.clock import Clock

_LOOK_S, _TELL_S = 1.0, 4.0
"""A viewer whose Redis hangs waits for the look as well, before what he wants to see is read."""


class Endings:
    """What has ended early.

    Args:
        client: whose server.
        keys: the names there.
        clock: whose time.
    """

    def __init__(self, client: StreamClient, keys: Keys, clock: Clock) -> None:
        self._client = client
        self._keys = keys
        self._clock = clock
        self._known: dict[str, float] = {}

    async def end(self, session: str, until: float) -> bool:
        """End a session; whether every worker knows of it.

        Args:
            session: its name.
            until: when it would have ended, in Unix seconds.
        """
        now = self._clock.now()
        self._known = {name: at for name, at in self._known.items() if at > now}
        self._known[session] = until
        words = ("SET", self._keys.signed_out(session), "1", "EX", max(1, ceil(until - now)))
        try:
            async with asyncio.timeout(_TELL_S):
                await self._client.execute_command(*words)
        except (RedisError, OSError):  # TimeoutError is an OSError
            return False
        return True

    async def has_ended(self, session: str) -> bool:
        """Whether somebody signed out of it, as far as that can be known now."""
        if session in self._known:
            return True
        try:
            async with asyncio.timeout(_LOOK_S):
                words = ("EXISTS", self._keys.signed_out(session))
                return bool(await self._client.execute_command(*words))
        except (RedisError, OSError):
            return False
