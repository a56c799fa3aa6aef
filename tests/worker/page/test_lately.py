"""What is shared among viewers."""

import asyncio
from dataclasses import dataclass, field

import pytest

from worker.page.lately import AT_ONCE, FRESH_S, KEPT_MAX, Lately


@dataclass
class Place:
    """Something to look at, and the time."""

    now: float = 0.0
    looks: int = 0
    at_once: int = 0
    most_at_once: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    async def look(self) -> int:
        """Look, once it may be seen."""
        self.looks += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        number = self.looks
        await self.open.wait()
        self.at_once -= 1
        if self.fails:
            raise OSError("away")
        return number


@pytest.fixture
def place() -> Place:
    """To be seen at once."""
    made = Place()
    made.open.set()
    return made


async def test_one_look_for_all(place: Place) -> None:
    """Those who come while it lasts, and those who come within a second after it."""
    lately = Lately(lambda: place.now)
    place.open.clear()
    looking = [asyncio.create_task(lately.look("k", place.look)) for _ in range(5)]
    await asyncio.sleep(0)
    place.open.set()
    assert await asyncio.gather(*looking) == [1] * 5
    place.now += FRESH_S / 2
    assert await lately.look("k", place.look) == 1
    place.now += FRESH_S
    assert await lately.look("k", place.look) == 2


async def test_after_a_change_nothing_old_is_shown(place: Place) -> None:
    """Not even what is being looked at just now."""
    lately = Lately(lambda: place.now)
    assert await lately.look("k", place.look) == 1
    lately.forget()
    assert await lately.look("k", place.look) == 2


async def test_a_viewer_who_leaves_takes_nothing_away(place: Place) -> None:
    """The others still see it."""
    lately = Lately(lambda: place.now)
    place.open.clear()
    first = asyncio.create_task(lately.look("k", place.look))
    second = asyncio.create_task(lately.look("k", place.look))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    place.open.set()
    assert await second == 1


async def test_a_failure_is_shared_too(place: Place) -> None:
    """A server that is away is not asked by each viewer in turn."""
    lately = Lately(lambda: place.now)
    place.fails = True
    for _ in range(3):
        with pytest.raises(OSError, match="away"):
            await lately.look("k", place.look)
    assert place.looks == 1


async def test_few_at_once_and_few_kept(place: Place) -> None:
    """Connections are few, and so is memory."""
    lately = Lately(lambda: place.now)
    place.open.clear()
    looking = [asyncio.create_task(lately.look(number, place.look)) for number in range(KEPT_MAX)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert place.looks == AT_ONCE
    place.open.set()
    await asyncio.gather(*looking)
    assert place.most_at_once == AT_ONCE
    for number in range(KEPT_MAX * 2):
        await lately.look(number, place.look)
    assert len(lately) == KEPT_MAX


async def test_closed_with_a_look_under_way(place: Place) -> None:
    """It is given up."""
    lately = Lately(lambda: place.now)
    place.open.clear()
    looking = asyncio.create_task(lately.look("k", place.look))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    lately.close()
    with pytest.raises(asyncio.CancelledError):
        await looking


async def test_what_is_stale_is_not_kept(place: Place) -> None:
    """It may have been a payload."""
    lately = Lately(lambda: place.now)
    for number in range(10):
        await lately.look(number, place.look)
    place.now += FRESH_S
    await lately.look("k", place.look)
    assert len(lately) == 1
