"""Doing something at the Redis of the settings, or saying in one line why it cannot be done."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import typer
from redis.exceptions import RedisError

from shared.redis_streams import Keys, StreamClient
from worker.cli.redis_trouble import explain
from worker.cli.settings import fail, settings_or_exit
from worker.lifecycle import ExitCode
from worker.queue.redis_clients import connect

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """Redis: a client for commands, one for reads that block, and the names there."""

    client: StreamClient
    reader: StreamClient
    keys: Keys


def at_redis(work: Callable[[Opened], Awaitable[T]]) -> T:
    """Open Redis, do the work, close it; failures end the command with a line on standard error."""
    settings = settings_or_exit()
    keys = Keys(settings.llm_stream_prefix)

    async def run() -> T:
        clients = connect(settings.redis_url, key=keys.dead)
        try:
            return await work(Opened(clients.commands, clients.reader, keys))
        except (RedisError, OSError) as error:
            fail(await explain(error, clients.commands, keys), ExitCode.CRASHED)
        finally:
            await clients.close()

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.FORCED) from None
