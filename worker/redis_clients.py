"""The two Redis clients of a worker, every option that matters set on purpose.

redis-py 8 changed its defaults (socket timeout 5 s, ten silent retries, 100 connections, RESP3 with
maintenance notifications). Under a blocking reader each of them loses or doubles work: a retried
XREADGROUP leaves entries pending that nobody saw, a shared pool lets readers starve settles.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import structlog
from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from shared.redis_streams import StreamClient
from worker.errors import Halt

T = TypeVar("T")
log = structlog.get_logger(__name__)

BLOCK_MS = 2_000
"""The longest a blocked read waits at the server; short enough to notice a dead connection."""
_READER_TIMEOUT_S = BLOCK_MS / 1_000 + 5
_COMMAND_TIMEOUT_S = 5
_COMMAND_CONNECTIONS = 4
_INSIST_FIRST_S, _INSIST_MAX_S = 0.05, 2.0

OUTAGE = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.MasterDownError,
    exceptions.TryAgainError,
    exceptions.ClusterDownError,
    exceptions.OutOfMemoryError,
    OSError,
)
"""What passes by itself: the server is restarting, failing over, or out of reach or memory."""

FATAL = (
    exceptions.AuthenticationError,
    exceptions.AuthenticationWrongNumberOfArgsError,
    exceptions.AuthorizationError,
    exceptions.NoPermissionError,
)
"""What no waiting mends, though redis-py counts some of it as connection errors."""


class CommandClient(StreamClient, Protocol):
    """The part of `redis.asyncio.Redis` that is used here: commands by name, and the end."""

    async def aclose(self) -> None:
        """Close every connection."""
        ...


@dataclass(frozen=True, slots=True)
class _Timed:
    """A client whose commands end in time, the wait for a connection included.

    redis-py's own `socket_timeout` sends through `asyncio.wait_for`, which before Python 3.12
    swallows a cancellation that comes in that moment: a loop told to end would go on for ever.
    """

    client: Any
    timeout_s: float

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command; a late answer is a `TimeoutError`, and the connection is dropped."""
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self.client.execute_command(*args, **options)
        except TimeoutError:
            raise TimeoutError(f"no answer within {self.timeout_s:g} s") from None

    async def aclose(self) -> None:
        """Close every connection."""
        await self.client.aclose()


@dataclass(frozen=True, slots=True)
class RedisClients:
    """A connection of its own for the blocking reader, a small pool for everything else."""

    reader: CommandClient
    commands: CommandClient

    async def close(self) -> None:
        """Close every connection."""
        await self.reader.aclose()
        await self.commands.aclose()


def connect(url: str) -> RedisClients:
    """Build the clients for `REDIS_URL`; nothing is sent before the first command.

    Raises:
        ValueError: the URL is not one.
    """
    options: dict[str, Any] = {
        "protocol": 2,  # RESP3 brings maintenance notifications, which skip a connection check
        "legacy_responses": False,
        "decode_responses": False,
        "socket_connect_timeout": 5,
        "socket_timeout": None,  # see _Timed
        "socket_keepalive": True,
        "health_check_interval": 0,
        "retry": Retry(NoBackoff(), 0),  # a command whose reply was lost is repeated only by us
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    pool = cast("Any", BlockingConnectionPool)  # its from_url is untyped
    reader_pool = pool.from_url(url, max_connections=1, timeout=None, **options)
    command_pool = pool.from_url(
        url,
        max_connections=_COMMAND_CONNECTIONS,
        timeout=None,  # wait for a free connection: each is held for one short command
        **options,
    )
    return RedisClients(
        reader=_Timed(Redis.from_pool(reader_pool), _READER_TIMEOUT_S),
        commands=_Timed(Redis.from_pool(command_pool), _COMMAND_TIMEOUT_S),
    )


async def insist(call: Callable[[], Awaitable[T]], *, doing: str) -> T:
    """Repeat an idempotent call until Redis has answered it, however long that takes.

    Raises:
        Halt: waiting cannot mend it (credentials, permissions, a server without the commands).
    """
    wait_s, failures = _INSIST_FIRST_S, 0
    while True:
        try:
            result = await call()
        except FATAL as error:
            raise Halt(f"Redis refuses this worker: {describe(error)}") from None
        except OUTAGE as error:
            failures += 1
            if failures == 1:
                log.warning("redis_unavailable", doing=doing, error=describe(error))
            await asyncio.sleep(wait_s * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret
            wait_s = min(wait_s * 2, _INSIST_MAX_S)
        except exceptions.RedisError as error:
            raise Halt(f"Redis cannot serve this worker: {describe(error)}") from None
        else:
            if failures:
                log.info("redis_back", doing=doing, failures=failures)
            return result


def describe(error: Exception) -> str:
    """An error as one short line for the log."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]
