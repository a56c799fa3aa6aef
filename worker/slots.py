"""How many jobs may ask the model at once, and how many this worker may hold at all."""

import asyncio
from collections import deque


class Slots:
    """Inference slots. A parked job that wakes goes before new work.

    Claiming takes a slot with each entry (`take`), so no more is claimed than can run; a job that
    parks or delivers gives its slot back and, if it has to run again, waits for one (`acquire`).
    """

    def __init__(self, capacity: int, *, held_max: int) -> None:
        self._capacity = capacity
        self._held_max = held_max
        self._used = 0
        self._held = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._changed = asyncio.Event()

    @property
    def used(self) -> int:
        """Slots in use."""
        return self._used

    @property
    def held(self) -> int:
        """Jobs this worker holds: running, parked, or being delivered."""
        return self._held

    @property
    def room(self) -> int:
        """How many entries may be claimed now."""
        free = self._capacity - self._used - len(self._waiting)
        return max(0, min(free, self._held_max - self._held))

    async def wait_for_room(self, timeout_s: float) -> int:
        """The room there is, as soon as there is any; 0 when the time is over first."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self.room:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return 0
        return self.room

    def hold(self) -> None:
        """A job was claimed: it is held, and has a slot."""
        self._held += 1
        self._used += 1

    def drop(self) -> None:
        """A job is gone, its slot given back before."""
        self._held -= 1
        self._changed.set()

    def give_back(self) -> None:
        """A slot is free: the longest waiting job has it, else new work may."""
        # A claim that was under way while a parked job woke may have taken one too many.
        while self._waiting and self._used <= self._capacity:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)  # the slot changes hands, `_used` stays
                return
        self._used -= 1
        self._changed.set()

    async def acquire(self) -> None:
        """Wait for a slot."""
        if self._used < self._capacity and not self._waiting:
            self._used += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.give_back()  # it was handed over in the same moment
            elif waiter in self._waiting:  # else `give_back` has passed over it already
                self._waiting.remove(waiter)
                self._changed.set()
            raise
