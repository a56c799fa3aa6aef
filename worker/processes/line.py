"""The socket between a parent and its child: words, one a line; its end is news too.

A pipe's end is told by the kernel, however the other side died, and words that come before the
other side listens wait for it; a signal would kill a child that is still importing.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

_READ_BYTES = 4_096
_WORD_BYTES = 1_024


class Line:
    """One end of a connected socket, read on the running loop.

    Args:
        connection: ours from now on.
        heard: told each word.
        ended: told once that the other side is gone.
    """

    def __init__(
        self, connection: socket.socket, heard: Callable[[str], None], ended: Callable[[], None]
    ) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._heard, self._ended = heard, ended
        self._begun = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection.fileno(), self._read)

    def say(self, word: str) -> None:
        """Send a word; nothing happens if nobody is there, or has not listened for very long."""
        with suppress(OSError, ValueError):
            self._connection.send(word.encode() + b"\n")

    def close(self) -> None:
        """Hang up; the other side is told."""
        if self._connection.fileno() >= 0:
            self._loop.remove_reader(self._connection.fileno())
            self._connection.close()

    def _read(self) -> None:
        try:
            said = self._connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        *words, self._begun = (self._begun + said).split(b"\n")
        for word in words:
            self._heard(word.decode(errors="replace"))
        if not said or len(self._begun) > _WORD_BYTES:
            self.close()
            self._ended()
