"""The child's end of the line to its parent."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager

from worker.lifecycle import Shutdown, listening
from worker.processes.line import Line

DRAIN, NOW, PORT = "drain", "now", "port"
"""What is said: the first two to a child, the last by it, with its health port behind it."""


class ParentLine:
    """What a child hears of its parent.

    Args:
        descriptor: the inherited socket.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # PDF readers have no part in this
        self._connection = socket.socket(fileno=descriptor)
        self._line: Line | None = None

    @contextmanager
    def obeyed(self, shutdown: Shutdown) -> Generator[None]:
        """Drain or leave when the parent says so, and drain when there is no parent any more.

        A signal only drains, however often it comes: service managers send theirs to every process
        of a service, and the same one arrives again by the parent's word. Only the parent tells a
        second from the first.
        """

        def heard(word: str) -> None:
            if word == DRAIN:
                shutdown.begin_drain("parent")
            elif word == NOW:
                shutdown.leave_now("parent")

        with listening(shutdown.begin_drain):
            self._line = Line(
                self._connection, heard, lambda: shutdown.begin_drain("parent is gone")
            )
            try:
                yield
            finally:
                self._line.close()

    def tell_port(self, port: int) -> None:
        """Say where this process's health is."""
        if self._line is not None:
            self._line.say(f"{PORT} {port}")
