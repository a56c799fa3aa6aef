"""A few jobs more than can run: at hand when a slot is free, claimed several at a time."""

import asyncio

import pytest

from tests.builders import turn
from worker.job import HandBack
from worker.slots import Seat, Slots


def busy(capacity: int, held_max: int = 999) -> Slots:
    """All slots in use."""
    slots = Slots(capacity, held_max=held_max)
    for _ in range(capacity):
        slots.hold()
    return slots


def started(slots: Slots, jobs: int) -> list["asyncio.Task[None]"]:
    """So many were claimed, and begin."""

    async def begin() -> None:
        await Seat(slots).take(1)

    for _ in range(jobs):
        slots.hold()
    return [asyncio.create_task(begin()) for _ in range(jobs)]


@pytest.mark.parametrize(
    ("capacity", "spare"), [(1, 0), (7, 0), (8, 1), (23, 1), (24, 2), (64, 4), (256, 16)]
)
def test_few(capacity: int, spare: int) -> None:
    """A sixteenth; where there are few slots nobody else's job is kept waiting."""
    slots = Slots(capacity, held_max=999)
    assert (slots.spare, slots.room) == (spare, capacity + spare)
    assert busy(capacity).room == spare


def test_no_more_than_may_be_held() -> None:
    """Spare jobs are held like all others."""
    assert busy(64, held_max=66).room == 2
    assert busy(64, held_max=64).room == 0


async def test_a_free_slot_is_filled_from_here() -> None:
    """The first who waits has it, in the moment in which it is given back."""
    slots = busy(64)
    waiting = started(slots, slots.room)
    await turn()
    assert (slots.used, slots.room, [task.done() for task in waiting]) == (64, 0, [False] * 4)
    slots.give_back()
    assert (slots.used, slots.room) == (64, 1)
    await waiting[0]
    slots.clear()
    await asyncio.wait(waiting)
    assert [type(task.exception()) for task in waiting[1:]] == [HandBack] * 3


async def test_a_claim_is_worth_it_from_half_of_them_on() -> None:
    """Until then those that are left fill what becomes free."""
    slots = busy(64)
    waiting = started(slots, 4)
    await turn()
    claim = asyncio.create_task(slots.wait_for_room(60))
    slots.give_back()
    await turn()
    assert (slots.room, claim.done()) == (1, False)
    slots.give_back()
    assert await claim == 2
    slots.clear()
    await asyncio.wait(waiting)


async def test_an_idle_slot_is_always_worth_a_claim() -> None:
    """However little room there is beside it."""
    slots = busy(64, held_max=65)
    slots.give_back()
    assert await slots.wait_for_room(60) == 1


async def test_none_beside_one_that_is_alone() -> None:
    """They would only be handed back: none while it waits for all slots, none while it has them."""
    slots = busy(8)
    suspect = Seat(slots)
    waiting = asyncio.create_task(suspect.take_all())
    await turn()
    for _ in range(7):
        assert (slots.room, waiting.done()) == (0, False)
        slots.give_back()
    await waiting
    assert slots.room == 0
    suspect.leave()
    assert slots.room == 9
