"""How many outcomes wait for Core, and how large they are.

Core down for a night must not fill the memory of Redis and of this worker: beyond a bound nothing
new is claimed until outcomes have been delivered.
"""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backlog:
    """Outcomes recorded by this worker and not yet settled."""

    outcomes_max: int
    bytes_max: int
    outcomes: int = 0
    bytes: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_full(self) -> bool:
        """Whether nothing new may be claimed; what runs already may still add to it."""
        return self.outcomes >= self.outcomes_max or self.bytes >= self.bytes_max

    def add(self, size: int) -> None:
        """An outcome of this many bytes waits for Core."""
        self.outcomes += 1
        self.bytes += size

    def remove(self, size: int) -> None:
        """One waits no more."""
        self.outcomes -= 1
        self.bytes -= size
        self._changed.set()

    async def wait_for_room(self, timeout_s: float) -> bool:
        """Whether there is room, as soon as there is; False when the time is over first."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.is_full:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True
