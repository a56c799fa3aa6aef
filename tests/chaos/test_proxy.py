"""The relay passes bytes on, and breaks connections when told to."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.chaos.proxy import HOST, Proxy

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncGenerator[Proxy]:
    """A relay to a server that repeats each line."""

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line)
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(repeat, HOST, 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    await proxy.start()
    yield proxy
    await proxy.close()
    server.close()


async def _connect(proxy: Proxy) -> Connection:
    host, _, port = proxy.address.partition(":")
    return await asyncio.open_connection(host, int(port))


async def _says(connection: Connection, line: bytes) -> bytes:
    reader, writer = connection
    writer.write(line)
    return await reader.readline()


async def test_bytes_go_through(proxy: Proxy) -> None:
    """Both ways, again and again."""
    connection = await _connect(proxy)
    assert await _says(connection, b"one\n") == b"one\n"
    assert await _says(connection, b"two\n") == b"two\n"
    connection[1].close()


async def test_a_cut_resets_the_connection(proxy: Proxy) -> None:
    """The client gets an error, not a proper end; the next connection works."""
    connection = await _connect(proxy)
    await _says(connection, b"one\n")
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await connection[0].readline()
    connection[1].close()
    again = await _connect(proxy)
    assert await _says(again, b"two\n") == b"two\n"
    again[1].close()


async def test_a_reply_is_lost(proxy: Proxy) -> None:
    """The server has heard the line, the client never hears of it; as often as was asked for."""
    proxy.lose_replies(1)
    connection = await _connect(proxy)
    with pytest.raises(ConnectionResetError):
        await _says(connection, b"one\n")
    connection[1].close()
    again = await _connect(proxy)
    assert await _says(again, b"two\n") == b"two\n"
    again[1].close()


async def test_without_a_server_clients_are_reset() -> None:
    """As if the server itself had gone away."""

    async def close_at_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    gone = await asyncio.start_server(close_at_once, HOST, 0)
    port = gone.sockets[0].getsockname()[1]
    gone.close()
    proxy = Proxy(port)
    await proxy.start()
    connection = await _connect(proxy)
    with pytest.raises(ConnectionResetError):
        await connection[0].readexactly(1)
    connection[1].close()
    await proxy.close()
