"""Seats: a job's slots follow its work, however many calls it makes at once, and all come home."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import turn
from worker.job import HandBack
from worker.slots import ASIDE_FREE, Seat, Slots


def seated(capacity: int) -> Seat:
    """A job that has just been claimed, with the only slot in use."""
    slots = Slots(capacity, held_max=99)
    slots.hold()
    return Seat(slots)


async def call(seat: Seat, release: asyncio.Event) -> None:
    """A call of the model, as long as the test wants it."""
    async with seat.working():
        await release.wait()


def begun(*calls: Coroutine[Any, Any, None]) -> list["asyncio.Task[None]"]:
    """All of them at once."""
    return [asyncio.create_task(each) for each in calls]


async def test_the_slot_it_came_with_is_used_first_and_given_back() -> None:
    """Between calls it has none: somebody else may work."""
    seat = seated(2)
    async with seat.working():
        assert (seat.units, seat.slots.used) == (1, 1)
    assert (seat.units, seat.slots.used) == (0, 0)
    async with seat.working():
        assert (seat.units, seat.slots.used) == (1, 1)
    seat.leave()
    assert seat.slots.used == 0


@pytest.mark.parametrize("capacity", [1, 2, 3])
async def test_calls_at_once_never_have_more_slots_than_there_are(capacity: int) -> None:
    """With one slot they come one after the other, and none is stuck."""
    seat, running, most = seated(capacity), 0, 0

    async def page() -> None:
        nonlocal running, most
        async with seat.aside():
            await turn(2)
        async with seat.working():
            running += 1
            most = max(most, running)
            await turn(3)
            running -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(7):
            group.create_task(page())
    assert most == capacity
    assert (seat.units, seat.slots.used, seat.slots.room) == (0, 0, capacity)


async def test_aside_keeps_what_other_calls_use() -> None:
    """One page is prepared while another is read."""
    seat, release = seated(2), asyncio.Event()
    [reading] = begun(call(seat, release))
    await turn()
    async with seat.aside():
        assert (seat.units, seat.slots.used) == (1, 1)
    release.set()
    await reading
    assert seat.slots.used == 0


async def test_so_many_may_be_aside_for_nothing() -> None:
    """Whoever comes on top takes room: it will want a slot soon."""
    seat = seated(3)
    async with AsyncExitStack() as stack:
        for _ in range(ASIDE_FREE):
            await stack.enter_async_context(seat.aside())
        assert seat.slots.room == 3
        await stack.enter_async_context(seat.aside())
        assert seat.slots.room == 2
    assert seat.slots.room == 3


async def test_who_has_paid_for_one_page_is_not_sent_away_with_the_others() -> None:
    """All four had asked before the first was read; its answer would be paid for again."""
    seat, release = seated(1), asyncio.Event()
    async with seat.aside():
        other = Seat(seat.slots, units=0)
        await other.take(1)
    pages = begun(*(call(seat, release) for _ in range(4)))
    await turn()
    other.leave()
    await turn()
    assert seat.units == 1
    seat.slots.clear()
    release.set()
    await asyncio.gather(*pages)
    assert seat.slots.used == 0


async def test_who_has_paid_for_nothing_is_sent_away() -> None:
    """Its entry goes back to the stream."""
    slots = Slots(1, held_max=9)
    busy = Seat(slots, units=0)
    await busy.take(1)
    waiting = Seat(slots, units=0)
    [task] = begun(call(waiting, asyncio.Event()))
    await turn()
    slots.clear()
    with pytest.raises(HandBack):
        await task
    assert (waiting.units, slots.used) == (0, 1)


async def test_alone_comes_before_the_rest_of_a_document_and_lets_it_go_on() -> None:
    """Neither waits for the other for ever, and both end."""
    document, release = seated(2), asyncio.Event()
    pages = begun(*(call(document, release) for _ in range(4)))
    alone = Seat(document.slots, units=0)
    taking = asyncio.create_task(alone.take(2))
    await turn()
    assert not taking.done()
    release.set()
    await taking
    assert alone.units == alone.slots.used == 2
    alone.alone = True
    document.slots.clear()
    async with alone.working():
        assert document.slots.room == 0
    assert alone.units == 2
    alone.leave()
    await asyncio.gather(*pages)
    assert document.slots.used == 0


async def test_alone_keeps_its_slots_aside() -> None:
    """Nobody comes in while it prepares something."""
    seat = seated(1)
    seat.alone = True
    async with seat.aside():
        assert (seat.units, seat.slots.used, seat.slots.room) == (1, 1, 0)
    seat.leave()
    assert seat.slots.used == 0


async def test_draining_lets_the_pages_that_wait_finish() -> None:
    """Nothing is to be waited for but the slots themselves: they are read to the last."""
    seat, release = seated(1), asyncio.Event()
    pages = begun(*(call(seat, release) for _ in range(3)))
    await turn()
    for _ in range(3):  # as often as anybody likes
        seat.slots.clear()
    release.set()
    await asyncio.gather(*pages)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["call", "aside", "end", "cancel", "clear", "turn"]), st.integers(0, 9)
    ),
    max_size=50,
)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), STEPS)
def test_no_slot_is_lost_however_calls_end(
    capacity: int, jobs: int, steps: list[tuple[str, int]]
) -> None:
    """Any mix of calling, preparing, ending and cancelling."""
    asyncio.run(_play(_Jobs(capacity, jobs), steps))


async def _play(jobs: "_Jobs", steps: list[tuple[str, int]]) -> None:
    for step, number in steps:
        jobs.step(step, number)
        assert 0 <= jobs.slots.used <= jobs.slots.capacity
        if step == "turn":
            await turn(12)
            assert jobs.slots.used == sum(seat.units for seat in jobs.seats)
    jobs.open.set()
    await asyncio.wait_for(asyncio.gather(*jobs.tasks, return_exceptions=True), 10)
    for seat in jobs.seats:
        seat.leave()
    assert (jobs.slots.used, jobs.slots.room) == (0, jobs.slots.capacity)


class _Jobs:
    """Jobs that make several calls at once and prepare things between them."""

    def __init__(self, capacity: int, jobs: int) -> None:
        self.slots = Slots(capacity, held_max=99)
        self.seats = [Seat(self.slots, units=0) for _ in range(jobs)]
        self.open = asyncio.Event()
        self.ends: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    def step(self, name: str, number: int) -> None:
        """Do one thing, where it can be done."""
        seat = self.seats[number % len(self.seats)]
        if name in {"call", "aside"}:
            self.ends.append(asyncio.Event())
            self.tasks.append(asyncio.create_task(self._do(name, seat, self.ends[-1])))
        elif name == "end" and self.ends:
            self.ends[number % len(self.ends)].set()
        elif name == "cancel" and self.tasks:
            self.tasks[number % len(self.tasks)].cancel()
        elif name == "clear":
            self.slots.clear()

    async def _do(self, name: str, seat: Seat, end: asyncio.Event) -> None:
        async with seat.working() if name == "call" else seat.aside():
            ends = [asyncio.ensure_future(event.wait()) for event in (end, self.open)]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiting in ends:
                    waiting.cancel()
