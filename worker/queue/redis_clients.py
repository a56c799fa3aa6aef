"""The two Redis clients of a worker: one for the read that blocks, one for everything else."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from redis import exceptions
from redis.asyncio import Redis

from shared.redis_streams import StreamClient
from worker.broken_connections import why_broken
from worker.errors import Halt
from worker.queue.redis_address import read_address
from worker.queue.redis_connections import Connections, NotNow
from worker.reminding import Reminder

T = TypeVar("T")
log = structlog.get_logger(__name__)

BLOCK_MS = 2_000
"""The longest a blocked read waits at the server; short enough to notice a dead connection."""
_READER_TIMEOUT_S = BLOCK_MS / 1_000 + 5
_COMMAND_TIMEOUT_S = 5
_CONNECTIONS = 4
_INSIST_FIRST_S, _INSIST_MAX_S = 0.05, 0.5
# Short at the most: what waits here may be an answer, with the grace period running out.

OUTAGE = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.MasterDownError,
    exceptions.TryAgainError,
    exceptions.ClusterDownError,
    exceptions.AskError,  # with it MovedError: our slot is on its way to another node
    NotNow,
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


def connect(url: str, *, key: str = "llm") -> RedisClients:
    """Build the clients for `REDIS_URL`; nothing is sent before the first command.

    Args:
        url: of a server, of Sentinels or of a Cluster; see `worker.queue.redis_address`.
        key: any of our keys; in a Cluster they share a slot. The default is for the prefix `{llm}`.

    Raises:
        ValueError: the URL is not one.
    """
    connections = Connections(read_address(url), key)
    return RedisClients(
        reader=_Timed(Redis.from_pool(connections.pool(1)), _READER_TIMEOUT_S),
        commands=_Timed(Redis.from_pool(connections.pool(_CONNECTIONS)), _COMMAND_TIMEOUT_S),
    )


async def insist(
    call: Callable[[], Awaitable[T]], *, doing: str, elapsed: Callable[[], float] = time.monotonic
) -> T:
    """Repeat an idempotent call until Redis has answered it, however long that takes.

    The log says so at once and each minute.

    Raises:
        Halt: waiting cannot mend it (credentials, permissions, a server without the commands).
    """
    wait_s, failures, reminder = _INSIST_FIRST_S, 0, Reminder(elapsed)
    while True:
        try:
            result = await call()
        except FATAL as error:
            raise Halt(f"Redis refuses this worker: {describe(error)}") from None
        except OUTAGE as error:
            failures += 1
            if (away_s := reminder.due_s()) is not None:
                why = describe(error)
                log.warning("redis_unavailable", doing=doing, away_s=away_s, error=why)
            await asyncio.sleep(wait_s * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret
            wait_s = min(wait_s * 2, _INSIST_MAX_S)
        except exceptions.RedisError as error:
            raise Halt(f"Redis cannot serve this worker: {describe(error)}") from None
        else:
            if failures:
                log.info("redis_back", doing=doing, failures=failures)
            return result


def unreached(error: Exception) -> str:
    """Why there is no answer, in words for a person: `connection refused`."""
    said = (str(error) or type(error).__name__).splitlines()[0]
    # redis-py tells of a connection with the system's error under way, and does not name it.
    why = "" if isinstance(error, TimeoutError) else why_broken(error.__context__ or error)
    return why or said[:200]


def describe(error: Exception) -> str:
    """An error as one short line for the log."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]
