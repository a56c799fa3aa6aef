"""A Core that takes everything at once: `python -m benchmarks.instant_core --port N`.

A process of its own, so that its work is not counted as anybody else's. It answers 200 and `{}` to
every request, and reads of a request only where it ends.
"""

import argparse
import asyncio

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class InstantCore(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._unread = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what replies go to."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - TCP's are
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come to its end."""
        self._unread += data
        replies = 0
        while (end := self._end()) is not None:
            self._unread = self._unread[end:]
            replies += 1
        if replies and self._transport is not None:
            self._transport.write(_REPLY * replies)

    def _end(self) -> int | None:
        head_end = self._unread.find(_HEAD_END)
        if head_end < 0:
            return None
        lines = self._unread[:head_end].lower().split(b"\r\n")
        body = sum(int(line[len(_LENGTH) :]) for line in lines if line.startswith(_LENGTH))
        end = head_end + len(_HEAD_END) + body
        return end if len(self._unread) >= end else None


async def serve(port: int) -> None:
    """Answer until it is killed."""
    server = await asyncio.get_running_loop().create_server(InstantCore, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
