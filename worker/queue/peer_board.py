"""What the workers under one prefix tell each other of the model servers they share, in Redis."""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import structlog
from redis.exceptions import RedisError

from shared.redis_streams import Keys, StreamClient
from worker.queue.redis_clients import OUTAGE, describe
from worker.queue.scripts import MEET

log = structlog.get_logger(__name__)

HOLDS_MS = 4_000
"""So long counts what a worker has said: it says it every second, and may be late."""
PATIENCE_S = 1.0
MOST = 100_000.0
"""Calls at once that nobody makes."""


class RedisPeers:
    """The `Peers` that all workers under one prefix are.

    Args:
        client: sends the commands.
        keys: under which prefix.
        worker: a name that no other worker has.
    """

    def __init__(self, client: StreamClient, keys: Keys, worker: str) -> None:
        self._client = client
        self._keys = keys
        self._worker = worker
        self._heard = True
        """Whether Redis answered last time."""

    async def meet(self, server: str, using: Mapping[str, float]) -> Sequence[Mapping[str, float]]:
        """Tell and hear; nothing while Redis is away, or without the rights to it."""
        # By its hash: an address may be long, and need not be read by all who may look into Redis.
        name = hashlib.sha256(server.encode()).hexdigest()[:16]
        words = json.dumps(dict(using)) if using else ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                said = await MEET(
                    self._client, [self._keys.limits(name)], [self._worker, words, HOLDS_MS]
                )
        except (RedisError, *OUTAGE) as error:
            if self._heard:
                log.info("workers_not_heard", error=describe(error))
            self._heard = False
            return ()
        self._heard = True
        return _read(cast("Sequence[bytes]", said))


def _read(said: Iterable[bytes]) -> list[Mapping[str, float]]:
    """What can be read of it: a newer worker may use other words."""
    return [numbers for words in said if (numbers := _numbers(words))]


def _numbers(words: bytes) -> Mapping[str, float]:
    try:
        value: Any = json.loads(words)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    members = cast("dict[str, Any]", value)
    return {kind: float(number) for kind, number in members.items() if _is_limit(number)}


def _is_limit(number: object) -> bool:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return 1 <= number <= MOST
