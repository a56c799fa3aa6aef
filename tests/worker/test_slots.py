"""Slots: how much may be claimed, who is next, and that none is ever lost or made up."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import turn
from worker.job import HandBack
from worker.slots import Slots


def full(capacity: int, held_max: int = 99) -> Slots:
    """All slots in use."""
    slots = Slots(capacity, held_max=held_max)
    for _ in range(capacity):
        slots.hold()
    return slots


def test_room_is_what_can_run_and_be_held() -> None:
    """The smaller of the two bounds decides."""
    slots = Slots(3, held_max=4)
    assert slots.room == 3
    slots.hold()
    assert (slots.room, slots.used, slots.held) == (2, 1, 1)
    slots.give_back()  # it is being delivered now: no slot, but still held
    assert (slots.room, slots.used, slots.held) == (3, 0, 1)
    slots.hold()
    slots.give_back()
    assert slots.room == 2
    slots.drop()
    assert slots.room == 3


def test_parked_jobs_count_as_held() -> None:
    """A worker whose jobs all wait takes no more than it may hold."""
    slots = Slots(2, held_max=3)
    for _ in range(3):
        slots.hold()
        slots.give_back()
    assert (slots.used, slots.held, slots.room) == (0, 3, 0)


async def test_a_slot_given_back_wakes_the_claim_loop() -> None:
    """It sleeps while everything runs."""
    slots = full(1)
    waiting = asyncio.create_task(slots.wait_for_room(60))
    await turn()
    assert not waiting.done()
    slots.give_back()
    assert await waiting == 1


async def test_a_job_that_is_gone_wakes_the_claim_loop() -> None:
    """It sleeps while as many are held as may be, though no slot is used."""
    slots = full(1, held_max=1)
    slots.give_back()
    waiting = asyncio.create_task(slots.wait_for_room(60))
    await turn()
    assert not waiting.done()
    slots.drop()
    assert await waiting == 1


async def test_no_room_in_time_is_none() -> None:
    """The loop turns, so that its heartbeat is seen."""
    assert await full(1).wait_for_room(0) == 0
    assert await Slots(2, held_max=9).wait_for_room(0) == 2


async def test_who_waits_longest_is_next_and_before_new_work() -> None:
    """First come, first served; nothing is claimed while somebody waits."""
    slots, order = full(1), list[int]()

    async def wait(number: int) -> None:
        await slots.acquire()
        order.append(number)

    tasks = [asyncio.create_task(wait(number)) for number in range(3)]
    await turn()
    for number in range(3):
        slots.give_back()
        assert (slots.room, slots.used) == (0, 1)
        await turn()
        assert order == list(range(number + 1))
    slots.give_back()
    assert (slots.room, slots.used) == (1, 0)
    await asyncio.gather(*tasks)


async def test_nobody_overtakes_in_the_moment_of_a_hand_over() -> None:
    """A slot that changes hands is not free for whoever asks in between."""
    slots = full(1)
    first = asyncio.create_task(slots.acquire())
    await turn()
    slots.give_back()
    second = asyncio.create_task(slots.acquire())
    await turn()
    assert first.done()
    assert not second.done()
    slots.give_back()
    await second


def _before(task: "asyncio.Task[None]", slots: Slots) -> None:
    task.cancel()
    slots.give_back()


def _after(task: "asyncio.Task[None]", slots: Slots) -> None:
    slots.give_back()
    task.cancel()


@pytest.mark.parametrize("race", [_before, _after])
async def test_cancelled_in_the_moment_of_a_hand_over(
    race: Callable[["asyncio.Task[None]", Slots], None],
) -> None:
    """Whichever comes first, the slot goes to the next and the cancellation arrives."""
    slots = full(1)
    first, second = (asyncio.create_task(slots.acquire()) for _ in range(2))
    await turn()
    race(first, slots)
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert (slots.used, slots.room) == (1, 0)
    slots.give_back()
    assert (slots.used, slots.room) == (0, 1)


async def test_who_gives_up_waiting_takes_no_room() -> None:
    """A cancelled job leaves the queue; the slot it would have had is free for a claim."""
    slots = full(1)
    waiter = asyncio.create_task(slots.acquire())
    await turn()
    waiter.cancel()
    await turn()
    slots.give_back()
    assert (slots.used, slots.room) == (0, 1)


async def test_a_claim_that_took_too_many_is_made_up_for() -> None:
    """A parked job that wakes during a claim takes its slot: the next one to end shrinks it."""
    slots = Slots(1, held_max=9)
    await slots.acquire()
    slots.hold()  # the claim had asked before
    assert (slots.used, slots.room) == (2, 0)
    waiter = asyncio.create_task(slots.acquire())
    await turn()
    slots.give_back()
    await turn()
    assert (slots.used, waiter.done()) == (1, False)
    slots.give_back()
    await waiter
    assert slots.used == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "cancel", "end", "claim", "clear", "turn"]), st.integers(0, 9)
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 4), STEPS)
def test_no_slot_is_lost_or_made_up(capacity: int, steps: list[tuple[str, int]]) -> None:
    """Any mix of asking, ending, claiming and cancelling: the count is right, and all come home."""
    asyncio.run(_play(_Worker(capacity), steps))


async def _play(worker: "_Worker", steps: list[tuple[str, int]]) -> None:
    for step, number in steps:
        worker.step(step, number)
        assert 0 <= worker.slots.room <= worker.capacity
        if step == "turn":
            await worker.turn()
            assert worker.slots.used == sum(worker.running) <= worker.capacity
    await worker.turn()
    while worker.running:  # everybody ends, so everybody who waits has a turn
        worker.step("end", 0)
        await worker.turn()
    assert (worker.asking, worker.slots.used, worker.slots.room) == ({}, 0, worker.capacity)


class _Worker:
    """Jobs that run, jobs that ask for a slot, and nothing else."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.slots = Slots(capacity, held_max=999)
        self.running: list[int] = []
        self.asking: dict[asyncio.Task[None], int] = {}

    def step(self, name: str, number: int) -> None:
        """Do one thing, where it can be done."""
        if name == "ask":
            units = 1 + number % self.capacity
            self.asking[asyncio.create_task(self.slots.acquire(units))] = units
        elif name == "cancel" and self.asking:
            list(self.asking)[number % len(self.asking)].cancel()
        elif name == "clear":
            self.slots.clear()
        elif name == "end" and self.running:
            self.slots.give_back(self.running.pop(number % len(self.running)))
        elif name == "claim":
            for _ in range(self.slots.room):
                self.running.append(1)
                self.slots.hold()

    async def turn(self) -> None:
        """Let every task go on; who has a slot now runs, who was cancelled is gone."""
        await turn()
        for task in [task for task in self.asking if task.done()]:
            units = self.asking.pop(task)
            if not task.cancelled() and not isinstance(task.exception(), HandBack):
                self.running.append(units)
