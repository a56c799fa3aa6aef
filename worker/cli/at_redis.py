"""Doing something at the Redis of the settings, or saying in one line why it cannot be done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer
from redis.exceptions import RedisError

from shared.redis_streams import Keys
from worker.cli.redis_trouble import Opened, explain
from worker.cli.settings import fail, settings_or_exit
from worker.lifecycle import ExitCode
from worker.queue.redis_clients import connect

__all__ = ["Opened", "at_redis"]
T = TypeVar("T")


def at_redis(work: Callable[[Opened], Awaitable[T]]) -> T:
    """Open Redis, do the work, close it; failures end the command with a line on standard error."""
    settings = settings_or_exit()
    keys = Keys(settings.llm_stream_prefix)

    async def run() -> T:
        clients = connect(settings.redis_url, key=keys.dead)
        redis = Opened(settings.redis_url, clients.commands, clients.reader, keys)
        try:
            return await work(redis)
        except (RedisError, OSError) as error:
            fail(await explain(error, redis), ExitCode.CRASHED)
        finally:
            await clients.close()

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.FORCED) from None
