"""Breaks one thing of a site while a block runs, and mends it afterwards.

Only after a block that has ended well: a game broken off is thrown away as it is.
"""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from urllib.parse import urlsplit

from drills.gateway import bad_gateway
from drills.incidents import Kind
from drills.site import Site
from worker.embedded.service import Service
from worker.embedded.stack import HOST
from worker.queue.redis_clients import RedisClients, connect

Trouble = Callable[[Site], AbstractAsyncContextManager[None]]


async def _start(service: Service) -> None:
    service.start()  # here, in the main thread, with which it dies
    await asyncio.to_thread(service.wait_until_ready)


@asynccontextmanager
async def model_gone(site: Site) -> AsyncGenerator[None]:
    """Nothing listens where the model server was."""
    site.stack.model.kill()
    yield
    await _start(site.stack.model)


@asynccontextmanager
async def model_frozen(site: Site) -> AsyncGenerator[None]:
    """Its connections stay open, new ones are accepted, nothing answers; a restart mends it."""
    site.stack.model.send(signal.SIGSTOP)
    yield
    site.stack.model.kill()
    await _start(site.stack.model)


@asynccontextmanager
async def model_renamed(site: Site) -> AsyncGenerator[None]:
    """The text model has another name, as after an upgrade of the model server."""
    site.stack.model.kill()
    other = site.model_named("mixtral,llava")
    try:
        await _start(other)
        yield
    finally:
        other.kill()
    await _start(site.stack.model)


@asynccontextmanager
async def core_gone(site: Site) -> AsyncGenerator[None]:
    """Nothing listens where Core was."""
    site.stack.core.kill()
    yield
    await _start(site.stack.core)


@asynccontextmanager
async def core_behind_gateway(site: Site) -> AsyncGenerator[None]:
    """Where Core was, a gateway answers that it cannot reach it."""
    site.stack.core.kill()
    async with bad_gateway(HOST, urlsplit(site.stack.core_url).port or 0):
        yield
    await _start(site.stack.core)


@asynccontextmanager
async def redis_gone(site: Site) -> AsyncGenerator[None]:
    """Redis ends in good order, and comes back with what it had."""
    site.stack.redis.stop()
    yield
    site.stack.redis.start()


@asynccontextmanager
async def redis_full(site: Site) -> AsyncGenerator[None]:
    """Redis has more in memory than it may, and evicts nothing."""
    clients = connect(site.stack.redis.url)
    try:
        await _set_maxmemory(clients, 1)
        yield
        await _set_maxmemory(clients, 0)
    finally:
        await clients.close()


async def _set_maxmemory(clients: RedisClients, limit_bytes: int) -> None:
    await clients.commands.execute_command("CONFIG", "SET", "maxmemory", limit_bytes)


TROUBLES: Mapping[Kind, Trouble] = MappingProxyType(
    {
        Kind.MODEL_GONE: model_gone,
        Kind.MODEL_FROZEN: model_frozen,
        Kind.MODEL_RENAMED: model_renamed,
        Kind.CORE_GONE: core_gone,
        Kind.CORE_BEHIND_GATEWAY: core_behind_gateway,
        Kind.REDIS_GONE: redis_gone,
        Kind.REDIS_FULL: redis_full,
    }
)
