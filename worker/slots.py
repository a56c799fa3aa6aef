"""How many jobs may ask the model at once, and how many this worker may hold at all."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from worker.job import HandBack

ASIDE_FREE = 8
"""So many jobs may prepare something (a picture, say) while others use their slots."""
SPARE_SHARE = 16
"""For so many slots one job more is claimed than can run, to wait here for the next that is free:
without it a slot is idle for as long as a claim takes. With more of them, jobs would wait here
while another worker has a slot for them."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Somebody who waits for slots."""

    granted: asyncio.Future[None]
    units: int
    firm: Callable[[], bool]
    """Whether it has paid for a part of its answer by now, and so is not sent away."""


class Slots:
    """Inference slots. A job that waits for some goes before new work, in the order of asking.

    Claiming takes a slot with each entry (`hold`), and a few more entries than can run (`spare`):
    those wait for a slot. A job that parks or delivers gives its slot back and, if it has to run
    again, waits for one (`acquire`).
    """

    def __init__(self, capacity: int, *, held_max: int) -> None:
        self._capacity = self._wanted = capacity
        self._pins = 0
        self._held_max = held_max
        self._used = 0
        self._held = 0
        self._aside = 0
        self._waiting: deque[_Place] = deque()
        self._changed = asyncio.Event()

    @property
    def capacity(self) -> int:
        """How many there are."""
        return self._capacity

    def resize(self, capacity: int) -> None:
        """Have more or fewer of them, one at least. What is in use beyond that ends in its time.

        While somebody waits for all of them, or has them, it is put off.
        """
        self._wanted = max(1, capacity)
        if self._capacity != self._wanted and not self._pins:
            self._capacity = self._wanted
            self._hand_over()

    def pin(self) -> None:
        """Somebody will have all there are: how many that is stays as it is until `unpin`."""
        self._pins += 1

    def unpin(self) -> None:
        """One who wanted all is done."""
        self._pins -= 1
        self.resize(self._wanted)

    @property
    def used(self) -> int:
        """Slots in use."""
        return self._used

    @property
    def held(self) -> int:
        """Jobs this worker holds: running, parked, or being delivered."""
        return self._held

    @property
    def held_max(self) -> int:
        """How many it may hold."""
        return self._held_max

    @property
    def spare(self) -> int:
        """How many jobs more than can run are to be at hand; none beside one that is alone."""
        return 0 if self._pins else (self._capacity + SPARE_SHARE // 2) // SPARE_SHARE

    @property
    def room(self) -> int:
        """How many entries may be claimed now."""
        return max(0, min(self._free + self.spare, self._held_max - self._held))

    @property
    def is_contended(self) -> bool:
        """Whether a job that comes with a slot must ask for it like all others.

        More are in use than there are: a claim brings some to wait, and somebody who waited may
        have had room since it was sent. Or somebody waits, and came before; but behind one who
        will be alone there is only the way back to the stream.
        """
        return self._used > self._capacity or (bool(self._waiting) and not self._pins)

    async def wait_for_room(self, timeout_s: float) -> int:
        """The room there is, as soon as it is worth a claim; 0 when the time is over first."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._is_worth_a_claim:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return 0
        return self.room

    @property
    def _free(self) -> int:
        """Slots that nobody has or waits for; below zero when more are wanted than there are."""
        coming = sum(place.units for place in self._waiting) + max(0, self._aside - ASIDE_FREE)
        return self._capacity - self._used - coming

    @property
    def _is_worth_a_claim(self) -> bool:
        """Whether a slot is idle, or half of the spare jobs have one by now: each claim is a round
        trip and a script in Redis, whatever it brings.
        """
        return self.room > 0 and (self._free > 0 or 2 * self.room >= self.spare)

    def hold(self) -> None:
        """A job was claimed: it is held, and has a slot."""
        self._held += 1
        self._used += 1

    def drop(self) -> None:
        """A job is gone, its slot given back before."""
        self._held -= 1
        self._wake()

    def give_back(self, units: int = 1) -> None:
        """Slots are free: those who wait have them first, else new work may."""
        self._used -= units
        self._hand_over()

    async def acquire(self, units: int = 1, *, firm: Callable[[], bool] = lambda: False) -> None:
        """Wait for slots; more than one at a time for a job that must have less company.

        Args:
            units: how many.
            firm: tells, when some are sent away, whether this one is not to be: an answer that
                is half paid for would be paid for again.

        Raises:
            HandBack: the job is to be handed back instead.
        """
        if not self._waiting and self._used + units <= self._capacity:
            self._used += units
            return
        place = _Place(asyncio.get_running_loop().create_future(), units, firm)
        self._waiting.append(place)
        try:
            await place.granted
        except asyncio.CancelledError:
            granted = place.granted
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                self.give_back(units)  # they were handed over in the same moment
            else:
                self._waiting = deque(item for item in self._waiting if item is not place)
                self._hand_over()  # whoever stood behind may need fewer
            raise

    def clear(self) -> None:
        """Send away those who wait with nothing paid for: their entries go back to the stream."""
        waiting, self._waiting = self._waiting, deque[_Place]()
        for place in waiting:
            if place.firm():
                self._waiting.append(place)
            elif not place.granted.done():
                place.granted.set_exception(HandBack())
        self._hand_over()

    def step_aside(self) -> None:
        """A job prepares something without a slot, and will want one after that."""
        self._aside += 1

    def step_back(self) -> None:
        """It is prepared."""
        self._aside -= 1
        self._wake()

    def _wake(self) -> None:
        if self._is_worth_a_claim:
            self._changed.set()

    def _hand_over(self) -> None:
        while self._waiting and self._used + self._waiting[0].units <= self._capacity:
            place = self._waiting.popleft()
            if not place.granted.done():
                self._used += place.units
                place.granted.set_result(None)
        self._wake()


@dataclass(slots=True)
class Seat:
    """The slots of one job: it comes with one, may leave it, and take it again.

    Attributes:
        units: how many it has now.
        alone: whether it keeps all there are, whatever it does with them.
    """

    slots: Slots
    units: int = 1
    alone: bool = False
    _pinned: bool = False
    _busy: int = 0
    _worked: bool = False

    def leave(self) -> None:
        """Give back what it has."""
        units, self.units = self.units, 0
        if units:
            self.slots.give_back(units)
        if self._pinned:
            self._pinned = False
            self.slots.unpin()

    async def take(self, units: int) -> None:
        """Have exactly so many, waiting for them where need be.

        Raises:
            HandBack: the job is to be handed back instead.
        """
        if self.units != units or self.slots.is_contended:
            self.leave()
            await self.slots.acquire(units)
            self.units = units

    async def take_all(self) -> None:
        """Have every slot there is, waiting for them; there are as many until it leaves.

        Raises:
            HandBack: the job is to be handed back instead.
        """
        self.leave()
        self.slots.pin()
        self._pinned = True
        units = self.slots.capacity
        await self.slots.acquire(units)
        self.units = units

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """A slot for one call of the model, given back with its end; several calls at once may be.

        Raises:
            HandBack: the job is to be handed back instead; never after its first call.
        """
        if not self.alone and self._busy >= self.units:
            await self.slots.acquire(firm=lambda: self._worked)
            self.units += 1
        self._busy += 1
        self._worked = True
        try:
            yield
        finally:
            self._busy -= 1
            if not self.alone:
                self.units -= 1
                self.slots.give_back()

    @asynccontextmanager
    async def aside(self) -> AsyncGenerator[None]:
        """Without a slot that it does not use: for what takes time before the model is asked."""
        idle = 0 if self.alone else self.units - self._busy
        if idle:
            self.units -= idle
            self.slots.give_back(idle)
        self.slots.step_aside()
        try:
            yield
        finally:
            self.slots.step_back()
