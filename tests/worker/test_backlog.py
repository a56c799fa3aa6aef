"""What waits for Core is counted, in outcomes and in bytes, and room is noticed at once."""

import asyncio

import pytest

from tests.builders import turn
from worker.backlog import Backlog


@pytest.mark.parametrize(
    ("sizes", "full"),
    [([], False), ([9], False), ([1, 1], False), ([1, 1, 1], True), ([10], True), ([6, 4], True)],
)
def test_full_in_number_or_in_bytes(sizes: list[int], full: bool) -> None:
    """Whichever bound is met first."""
    backlog = Backlog(outcomes_max=3, bytes_max=10)
    for size in sizes:
        backlog.add(size)
    assert (backlog.is_full, backlog.outcomes, backlog.bytes) == (full, len(sizes), sum(sizes))
    for size in sizes:
        backlog.remove(size)
    assert (backlog.is_full, backlog.outcomes, backlog.bytes) == (False, 0, 0)


async def test_room_is_noticed() -> None:
    """As soon as enough has been delivered, and not before."""
    backlog = Backlog(outcomes_max=1, bytes_max=100)
    backlog.add(5)
    backlog.add(7)
    waiting = asyncio.create_task(backlog.wait_for_room(60))
    await asyncio.sleep(0)
    backlog.remove(5)
    await turn()
    assert not waiting.done()
    backlog.remove(7)
    assert await waiting


async def test_no_room_in_time() -> None:
    """The claim loop turns, so that its heartbeat is seen."""
    backlog = Backlog(outcomes_max=1, bytes_max=100)
    assert await backlog.wait_for_room(0)
    backlog.add(1)
    assert not await backlog.wait_for_room(0)
