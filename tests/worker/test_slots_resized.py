"""Slots that become more or fewer while they are in use."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import turn
from worker.job import HandBack
from worker.slots import Seat, Slots


def seat(slots: Slots) -> Seat:
    """A job that has just been claimed."""
    slots.hold()
    return Seat(slots)


async def test_more_of_them_let_those_in_who_wait() -> None:
    """First whoever waits, then new work."""
    slots = Slots(1, held_max=9)
    slots.hold()
    waiting = asyncio.create_task(slots.acquire())
    await turn()
    slots.resize(3)
    await waiting
    assert (slots.used, slots.room) == (2, 1)


async def test_more_of_them_wake_the_claim_loop() -> None:
    """It sleeps while there is no room."""
    slots = Slots(1, held_max=9)
    slots.hold()
    room = asyncio.create_task(slots.wait_for_room(60))
    await turn()
    slots.resize(2)
    assert await room == 1


async def test_fewer_of_them_end_nobody() -> None:
    """What runs beyond that ends in its time; only then there is room again."""
    slots = Slots(4, held_max=9)
    for _ in range(4):
        slots.hold()
    slots.resize(2)
    assert (slots.used, slots.room, slots.is_contended) == (4, 0, True)
    slots.give_back(2)
    assert (slots.room, slots.is_contended) == (0, False)
    slots.give_back()
    assert slots.room == 1
    slots.resize(0)
    assert slots.capacity == 1, "one at least"


@pytest.mark.parametrize("wanted", [1, 2, 8])
async def test_who_waits_for_all_of_them_gets_all_there_are(wanted: int) -> None:
    """However many that is by then, it is alone; the change comes after it."""
    slots = Slots(4, held_max=99)
    running, suspect = seat(slots), seat(slots)
    waiting = asyncio.create_task(suspect.take_all())
    await turn()
    slots.resize(wanted)
    assert (waiting.done(), slots.room) == (False, 0)
    running.leave()
    await turn()
    assert waiting.done(), "it waits for more than there are"
    assert (slots.used, slots.capacity, slots.room) == (4, 4, 0)
    slots.resize(wanted)
    assert slots.room == 0
    suspect.leave()
    assert (slots.used, slots.capacity, slots.room) == (0, wanted, wanted + slots.spare)


async def test_one_slot_is_all_there_is_too() -> None:
    """With more than one by now, nobody may come beside whoever has all."""
    slots = Slots(1, held_max=9)
    suspect = seat(slots)
    await suspect.take_all()
    slots.resize(8)
    assert slots.room == 0
    suspect.leave()
    assert slots.room == 8


@pytest.mark.parametrize("sent_away", [True, False])
async def test_who_wanted_all_and_is_gone_holds_no_change_up(sent_away: bool) -> None:
    """Cancelled or handed back, it leaves."""
    slots = Slots(2, held_max=9)
    slots.hold()
    suspect = seat(slots)
    waiting = asyncio.create_task(suspect.take_all())
    await turn()
    slots.resize(5)
    if sent_away:
        slots.clear()
    else:
        waiting.cancel()
    with pytest.raises(HandBack if sent_away else asyncio.CancelledError):
        await waiting
    suspect.leave()
    assert (slots.used, slots.capacity, slots.room) == (1, 5, 4)


STEPS = st.lists(
    st.tuples(st.sampled_from(["claim", "all", "leave", "cancel", "resize"]), st.integers(0, 9)),
    max_size=50,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_whoever_has_all_is_alone_and_everybody_has_a_turn(steps: list[tuple[str, int]]) -> None:
    """In any mix of claims, suspects, ends and changes; and no slot is lost."""
    asyncio.run(_play(steps))


async def _play(steps: list[tuple[str, int]]) -> None:
    slots, seats = Slots(3, held_max=999), list[Seat]()
    suspects: dict[asyncio.Task[None], Seat] = {}
    for name, number in steps:
        if name in {"claim", "all"}:
            _claim(slots, seats, suspects if name == "all" else None)
        elif name == "leave" and seats:
            seats.pop(number % len(seats)).leave()
        elif name == "cancel" and suspects:
            list(suspects)[number % len(suspects)].cancel()
        elif name == "resize":
            slots.resize(number)
        await turn(6)
        _end_suspects(slots, seats, suspects)
    for left in seats:
        left.leave()
    for _ in range(len(suspects)):
        await turn(6)
        _end_suspects(slots, [], suspects)
    assert not suspects, "somebody waits for ever"
    slots.resize(7)
    assert (slots.used, slots.capacity, slots.room) == (0, 7, 7)


def _claim(
    slots: Slots, seats: list[Seat], suspects: dict["asyncio.Task[None]", Seat] | None
) -> None:
    if slots.room and suspects is None:
        seats.append(seat(slots))
    elif slots.room and suspects is not None:
        suspect = seat(slots)
        suspects[asyncio.create_task(suspect.take_all())] = suspect


def _end_suspects(
    slots: Slots, seats: list[Seat], suspects: dict["asyncio.Task[None]", Seat]
) -> None:
    for task in [task for task in suspects if task.done()]:
        suspect = suspects.pop(task)
        if not task.cancelled():
            assert slots.used == suspect.units == slots.capacity
            assert all(other.units == 0 for other in seats)
        suspect.leave()
