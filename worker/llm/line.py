"""Those who wait for room at a server, in the order in which they came."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager


class Line:
    """One line. Only its first looks for room; who leaves lets the next one look."""

    def __init__(self) -> None:
        self._places: dict[object, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._places)

    def move(self) -> None:
        """There may be room: the first one looks."""
        for look in self._places.values():
            look.set()
            return

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[Callable[[], Awaitable[object]]]:
        """A place at the end; what it gives returns each time there may be room for its owner."""
        me, look = object(), asyncio.Event()
        self._places[me] = look
        if len(self._places) == 1:
            look.set()

        async def turn() -> None:
            await look.wait()
            look.clear()

        try:
            yield turn
        finally:
            del self._places[me]
            self.move()
