"""How many jobs may ask the model at once, and how many this worker may hold at all."""

import asyncio
from collections import deque
from dataclasses import dataclass

from worker.job import HandBack


class Slots:
    """Inference slots. A job that waits for some goes before new work, in the order of asking.

    Claiming takes a slot with each entry (`hold`), so no more is claimed than can run; a job that
    parks or delivers gives its slot back and, if it has to run again, waits for one (`acquire`).
    """

    def __init__(self, capacity: int, *, held_max: int) -> None:
        self._capacity = capacity
        self._held_max = held_max
        self._used = 0
        self._held = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._changed = asyncio.Event()

    @property
    def capacity(self) -> int:
        """How many there are."""
        return self._capacity

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
        free = self._capacity - self._used - sum(units for _, units in self._waiting)
        return max(0, min(free, self._held_max - self._held))

    @property
    def overdrawn(self) -> bool:
        """Whether more are in use than there are: a claim brings what there was room for when it
        was sent, and somebody who waited may have had that room since.
        """
        return self._used > self._capacity

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

    def give_back(self, units: int = 1) -> None:
        """Slots are free: those who wait have them first, else new work may."""
        self._used -= units
        self._hand_over()

    async def acquire(self, units: int = 1) -> None:
        """Wait for slots; more than one at a time for a job that must have less company.

        Raises:
            HandBack: the job is to be handed back instead.
        """
        if not self._waiting and self._used + units <= self._capacity:
            self._used += units
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, units))
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.give_back(units)  # they were handed over in the same moment
            else:
                self._waiting = deque(item for item in self._waiting if item[0] is not place)
                self._hand_over()  # whoever stood behind may need fewer
            raise

    def clear(self) -> None:
        """Send away everybody who waits: their entries go back to the stream."""
        for place, _ in self._waiting:
            if not place.done():
                place.set_exception(HandBack())
        self._waiting.clear()
        self._changed.set()

    def _hand_over(self) -> None:
        while self._waiting and self._used + self._waiting[0][1] <= self._capacity:
            place, units = self._waiting.popleft()
            if not place.done():
                self._used += units
                place.set_result(None)
        self._changed.set()


@dataclass(slots=True)
class Seat:
    """The slots of one job: it comes with one, may leave it, and take it again."""

    slots: Slots
    units: int = 1

    def leave(self) -> None:
        """Give back what it has."""
        units, self.units = self.units, 0
        if units:
            self.slots.give_back(units)

    async def take(self, units: int) -> None:
        """Have exactly so many, waiting for them where need be.

        Raises:
            HandBack: the job is to be handed back instead.
        """
        if self.units != units or self.slots.overdrawn:
            self.leave()
            await self.slots.acquire(units)
            self.units = units
