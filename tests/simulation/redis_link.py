"""A worker's two Redis clients, as the engine sees them: commands by name over a poor network."""

import asyncio
from typing import Any

from redis import exceptions

from tests.simulation.network import Broken, Network
from tests.simulation.process import Process
from tests.simulation.redis_server import RedisServer, verb
from worker.queue.redis_clients import BLOCK_MS, RedisClients

_COMMAND_TIMEOUT_S, _READER_TIMEOUT_S = 5.0, 22.0
_CONNECTIONS = 4
_LONG_BLOCK_MS = 15_000
"""A whole block lasts longer here: an idle hour costs a fifth, and an entry ends it anyhow."""


class RedisLink:
    """One client: a few connections from one process to the server.

    What the real client does on its own is left out; the engine has all of that switched off.
    """

    def __init__(
        self, process: Process, server: RedisServer, network: Network, *, reader_id: int = 0
    ) -> None:
        self._process = process
        self._server = server
        self._network = network
        self._reader_id = reader_id
        self._timeout_s = _READER_TIMEOUT_S if reader_id else _COMMAND_TIMEOUT_S
        self._connections = asyncio.Semaphore(1 if reader_id else _CONNECTIONS)

    async def execute_command(self, *args: Any, **_options: Any) -> Any:
        """Send a command.

        Raises:
            ConnectionError, TimeoutError, ResponseError: redis-py's own.
        """
        self._process.must_live()
        if args[:2] == ("CLIENT", "ID"):
            return self._reader_id
        async with self._connections:
            try:
                return await self._send(_longer(args))
            except Broken as error:
                self._process.troubled()
                raise exceptions.ConnectionError(str(error)) from None
            except TimeoutError:
                self._process.troubled()
                self._server.disconnect(self._reader_id)
                raise exceptions.TimeoutError("no reply") from None
            except exceptions.RedisError:
                self._process.troubled()
                raise

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def _send(self, words: tuple[Any, ...]) -> Any:
        def serve(reply: Any) -> None:
            if self._process.alive or "BLOCK" not in words:
                self._server.serve(self._process.name, words, reply, self._reader_id)

        what = ("redis", verb(words))
        return await self._network.ask(self._process, what, serve, self._timeout_s)


def connect(
    process: Process, server: RedisServer, network: Network, reader_id: int
) -> RedisClients:
    """The clients of one process; `reader_id` is its own among all processes."""
    return RedisClients(
        reader=RedisLink(process, server, network, reader_id=reader_id),
        commands=RedisLink(process, server, network),
    )


def _longer(words: tuple[Any, ...]) -> tuple[Any, ...]:
    if "BLOCK" not in words:
        return words
    place = words.index("BLOCK") + 1
    block_ms = _LONG_BLOCK_MS if words[place] == BLOCK_MS else words[place]
    return (*words[:place], block_ms, *words[place + 1 :])
