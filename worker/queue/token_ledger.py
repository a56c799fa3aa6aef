"""The fleet's count of used tokens: one number in Redis for each provider and day."""

from contextlib import suppress

from redis.exceptions import RedisError

from shared.redis_streams import Keys, StreamClient
from worker.llm.budget import LedgerAway
from worker.queue.redis_clients import OUTAGE, describe

KEPT_S = 3 * 86_400
"""Long enough to look at yesterday's; Redis forgets them by itself."""


class RedisTokenLedger:
    """The `TokenLedger` that all workers under one prefix share."""

    def __init__(self, client: StreamClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._expiring: set[str] = set()

    async def add(self, provider: str, day: str, tokens: int) -> int:
        """Add to a day's total and give the sum; 0 only asks for it.

        Raises:
            LedgerAway: Redis cannot be reached or will not; it may or may not have been added.
        """
        key = self._keys.tokens(provider, day)
        try:
            total = int(await self._client.execute_command("INCRBY", key, tokens))
        except (RedisError, *OUTAGE) as error:
            raise LedgerAway(describe(error)) from None
        if key not in self._expiring:
            # Its failure is not the sum's: that would be taken for not added, and added again.
            with suppress(RedisError, *OUTAGE):
                await self._client.execute_command("EXPIRE", key, KEPT_S)
                self._expiring = {other for other in self._expiring if other.endswith(day)} | {key}
        return total
