"""Several slots at a time, and the seat of one job: who must be alone gets there, and nobody waits
for ever.
"""

import asyncio

import pytest

from tests.builders import turn
from worker.job import HandBack
from worker.slots import Seat, Slots


def full(capacity: int) -> Slots:
    """All slots in use."""
    slots = Slots(capacity, held_max=99)
    for _ in range(capacity):
        slots.hold()
    return slots


async def test_several_at_a_time() -> None:
    """A job that wants all slots has them when all are free, and gives them back as one."""
    slots = full(3)
    big = asyncio.create_task(slots.acquire(3))
    await turn()
    for used in (2, 1):
        slots.give_back()
        await turn()
        assert (big.done(), slots.used, slots.room) == (False, used, 0)
    slots.give_back()
    await big
    assert (slots.used, slots.room) == (3, 0)
    slots.give_back(3)
    assert (slots.used, slots.room) == (0, 3)


async def test_a_big_waiter_is_not_starved() -> None:
    """Those who came later and want less wait behind it, though there would be room for them."""
    slots = full(2)
    big = asyncio.create_task(slots.acquire(2))
    await turn()
    small = [asyncio.create_task(slots.acquire()) for _ in range(2)]
    await turn()
    slots.give_back()
    await turn()
    assert (slots.used, [task.done() for task in small]) == (1, [False, False])
    slots.give_back()
    await big
    assert not any(task.done() for task in small)
    slots.give_back(2)
    await asyncio.gather(*small)
    assert slots.used == 2


@pytest.mark.parametrize("freed", [1, 2])
async def test_a_big_waiter_that_gives_up_starves_nobody(freed: int) -> None:
    """Before its turn or in the moment of it: who stood behind has what is free."""
    slots = full(2)
    big = asyncio.create_task(slots.acquire(2))
    await turn()
    small = [asyncio.create_task(slots.acquire()) for _ in range(freed)]
    await turn()
    for _ in range(freed):
        slots.give_back()
    big.cancel()
    await asyncio.gather(*small)
    await asyncio.wait({big})
    assert (big.cancelled(), slots.used) == (True, 2)


async def test_who_waits_is_sent_away() -> None:
    """A job that must be alone has the others' entries handed back; no slot is lost by it."""
    slots = full(2)
    waiting = [asyncio.create_task(slots.acquire(units)) for units in (1, 2)]
    await turn()
    slots.clear()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [HandBack] * 2
    slots.give_back(2)
    assert (slots.used, slots.room) == (0, 2)


async def test_sent_away_and_cancelled_at_once() -> None:
    """Neither gives back what it never had."""
    slots = full(1)
    waiting = asyncio.create_task(slots.acquire())
    await turn()
    slots.clear()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert (waiting.cancelled(), slots.used) == (True, 1)


# ------------------------------------------------------------------------- a seat


async def test_a_seat_is_left_once() -> None:
    """However often a job leaves, it gives back what it has."""
    slots = full(3)
    seat = Seat(slots)
    seat.leave()
    seat.leave()
    assert slots.used == 2
    await seat.take(1)
    assert (slots.used, seat.units) == (3, 1)


async def test_a_seat_is_kept() -> None:
    """Who has what it wants does not queue up for it again."""
    slots = full(1)
    seat = Seat(slots)
    await seat.take(1)
    assert (seat.units, slots.used) == (1, 1)


async def test_a_claim_brings_them_in_their_order() -> None:
    """One more than can run, and one too many: the first of them run, the last of them wait."""
    slots, order = Slots(2, held_max=99), list[int]()

    async def work(number: int) -> None:
        seat = Seat(slots)
        await seat.take(1)
        order.append(number)
        await release.wait()
        seat.leave()

    release = asyncio.Event()
    for _ in range(4):
        slots.hold()
    jobs = [asyncio.create_task(work(number)) for number in range(4)]
    await turn()
    assert (order, slots.used) == ([0, 1], 2)
    release.set()
    await asyncio.gather(*jobs)
    assert (order, slots.used) == ([0, 1, 2, 3], 0)


async def test_two_who_want_to_be_alone() -> None:
    """Each gives up its own slot first, or both would wait for the other's."""
    slots = full(2)
    seats = [Seat(slots), Seat(slots)]
    tasks = [asyncio.create_task(seat.take(2)) for seat in seats]
    await turn()
    assert ([task.done() for task in tasks], slots.used) == ([True, False], 2)
    seats[0].leave()
    await tasks[1]
    assert (slots.used, seats[1].units) == (2, 2)


async def test_claimed_beside_one_that_is_alone() -> None:
    """A claim that was on its way brings a job that has a slot too many: it waits for its turn."""
    slots = Slots(2, held_max=99)
    alone = Seat(slots, units=0)
    await alone.take_all()
    slots.hold()
    assert slots.is_contended
    late = Seat(slots)
    task = asyncio.create_task(late.take(1))
    await turn()
    assert (task.done(), slots.used) == (False, 2)
    alone.leave()
    await task
    assert slots.used == 1


async def test_a_seat_that_was_not_had_is_not_left() -> None:
    """Cancelled or sent away while it waited, a job has nothing to give back."""
    slots = full(1)
    seats = [Seat(slots, units=0), Seat(slots, units=0)]
    tasks = [asyncio.create_task(seat.take(1)) for seat in seats]
    await turn()
    tasks[0].cancel()
    await asyncio.wait({tasks[0]})
    slots.clear()
    await asyncio.wait({tasks[1]})
    assert isinstance(tasks[1].exception(), HandBack)
    for seat in seats:
        seat.leave()
    assert slots.used == 1
