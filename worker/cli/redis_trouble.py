"""What is wrong with Redis when a command cannot be done there, and what mends it, in words."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from redis.exceptions import (
    BusyLoadingError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from shared.redis_streams import Keys, StreamClient
from worker.operations.refused_writes import RefusedWrites, refused_writes, remedy
from worker.queue.redis_address import read_address
from worker.queue.redis_clients import FATAL, describe, unreached
from worker.queue.redis_connections import NotNow

_NO_WRITES = (OutOfMemoryError, ReadOnlyError, NotNow)
_CODES: Mapping[type[Exception], str] = {OutOfMemoryError: "OOM", ReadOnlyError: "READONLY"}
"""The server's first word, where redis-py cuts it off."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Redis: its address, a client for commands, one for reads that block, and the names there."""

    url: str = field(repr=False)
    client: StreamClient
    reader: StreamClient
    keys: Keys


def trouble(error: RedisError | OSError, url: str) -> tuple[str, str]:
    """What was found at `REDIS_URL`, and what to do about it, as far as the error alone tells."""
    said = describe(error)
    if isinstance(error, FATAL):
        mend = "correct the login in REDIS_URL, or the rights of its user (docs/redis.md)"
        return f"Redis refuses this: {said}", mend
    if isinstance(error, BusyLoadingError):
        return "Redis is still reading its files", "wait: it answers when it has"
    if isinstance(error, _NO_WRITES):
        code = _CODES.get(type(error)) or str(error).partition(" ")[0]
        return f"Redis takes no writes: {code}", remedy(code)
    if isinstance(error, ResponseError):
        return f"Redis refuses this: {said}", "see docs/redis.md for what it needs"
    found = f"cannot reach Redis at REDIS_URL ({read_address(url)}): {unreached(error)}"
    return found, "start Redis, or correct REDIS_URL"


async def explain(error: RedisError | OSError, redis: Opened) -> str:
    """The same in one sentence, with the command to type next; a full server is asked how full."""
    found, fix = trouble(error, redis.url)
    if isinstance(error, _NO_WRITES) and (refused := await _refused(redis.client, redis.keys)):
        found, fix = f"Redis takes no writes: {refused.found}", refused.fix
    return f"{found}; {fix}; next: llm-worker check"


async def _refused(client: StreamClient, keys: Keys) -> RefusedWrites | None:
    with suppress(RedisError, OSError):
        return await refused_writes(client, keys)
    return None
