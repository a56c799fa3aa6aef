"""A TCP relay between the workers and one server, which can break what runs through it."""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

HOST = "127.0.0.1"
_CHUNK_BYTES = 65_536
_RESET_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST, not FIN


class Watch(Protocol):
    """Sees what runs through one connection."""

    def sent(self, data: bytes) -> None:
        """The client has sent this."""
        ...

    def received(self, data: bytes) -> None:
        """The server has answered this, and the client will get it."""
        ...

    def cut(self) -> None:
        """The connection is about to be reset by the proxy."""
        ...


class Blind:
    """A watch that looks at nothing."""

    def sent(self, data: bytes) -> None:
        """Look away."""

    def received(self, data: bytes) -> None:
        """Look away."""

    def cut(self) -> None:
        """Look away."""


@dataclass(frozen=True, slots=True, eq=False)
class _Link:
    """One connection of a client, and its other half to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    watch: Watch

    def reset(self) -> None:
        """Break it so that both sides get an error, and what is on its way is lost."""
        self.watch.cut()
        for writer in (self.client, self.server):
            _reset(writer)

    def close(self) -> None:
        """Close it in good order."""
        self.client.close()
        self.server.close()


class Proxy:
    """Listens on a free port of 127.0.0.1 and relays to `port` there.

    Args:
        port: the server's; it may be away for a while, then clients are reset.
        watch: makes the watch of each new connection.
    """

    def __init__(self, port: int, watch: Callable[[], Watch] = Blind) -> None:
        self._server_port = port
        self._watch = watch
        self._links: dict[asyncio.Task[None], _Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._to_lose = 0
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`, once it has started."""
        assert self._server is not None
        return f"{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection there is."""
        for link in list(self._links.values()):
            link.reset()

    def lose_replies(self, count: int) -> None:
        """Reset the connection instead of relaying a reply, `count` times from now on."""
        self._to_lose = count

    # ---------------------------------------------------------------------- relaying

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(HOST, self._server_port)
        except OSError:
            _reset(writer)
            return
        link = _Link(writer, to_server, self._watch())
        this = asyncio.current_task()
        assert this is not None
        self._links[this] = link
        pumps = {
            asyncio.create_task(self._requests(reader, link)),
            asyncio.create_task(self._replies(from_server, link)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._links[this]
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            link.close()

    async def _requests(self, reader: asyncio.StreamReader, link: _Link) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            link.watch.sent(data)
            link.server.write(data)
            await link.server.drain()

    async def _replies(self, reader: asyncio.StreamReader, link: _Link) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            if self._to_lose > 0:
                self._to_lose -= 1
                link.reset()
                return
            link.watch.received(data)
            link.client.write(data)
            await link.client.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if not writer.transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        writer.transport.abort()
