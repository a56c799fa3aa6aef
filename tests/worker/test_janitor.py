"""Sweeping goes on whatever one part of it meets, and says what a person should know, once."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from redis.exceptions import NoPermissionError, ResponseError
from structlog.testing import capture_logs

from tests.builders import until
from worker.clock import Clock
from worker.janitor import Janitor
from worker.queue.upkeep import Upkeep
from worker.strays import Strays


@dataclass
class Chores:
    """Strays and upkeep in one, which count and fail by a script."""

    letters: int = 0
    errors: list[Exception | None] = field(default_factory=list[Exception | None])
    sweeps: int = 0
    counts: int = 0
    forgets: int = 0
    lost_tickets: int = 0

    async def sweep(self) -> int:
        """Strays."""
        self.sweeps += 1
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return 0

    async def restore_tickets(self) -> int:
        """All that are lost, once."""
        restored, self.lost_tickets = self.lost_tickets, 0
        return restored

    async def dead_letters(self) -> int:
        """How many there are."""
        self.counts += 1
        return self.letters

    async def forget_dead_consumers(self, idle_ms: int) -> int:
        """One each time."""
        assert idle_ms == 3_600_000
        self.forgets += 1
        return 1


@dataclass
class House:
    """A janitor with a clock of its own."""

    chores: Chores = field(default_factory=Chores)
    now: float = 50.0

    def __post_init__(self) -> None:
        clock = Clock(elapsed=lambda: self.now, jitter=lambda: 0.5)
        upkeep, strays = cast("Upkeep", self.chores), cast("Strays", self.chores)
        self.janitor = Janitor(upkeep, strays, clock, dead_letters_kept=100)


async def test_a_warning_before_letters_are_dropped() -> None:
    """Once when it begins, and again when it begins again."""
    house = House()
    told: list[int] = []
    for letters in (79, 80, 99, 100, 10, 85):
        house.chores.letters = letters
        with capture_logs() as logs:
            await house.janitor.sweep()
        told += [line["letters"] for line in logs if line["event"] == "dead_letters_nearly_full"]
    assert told == [80, 85]


async def test_lost_tickets_are_told() -> None:
    """Somebody has deleted what the queue needs: a warning when it is mended, and no other."""
    house = House()
    house.chores.lost_tickets = 7
    with capture_logs() as logs:
        for _ in range(2):
            await house.janitor.sweep()
    [line] = [line for line in logs if line["event"] == "tickets_restored"]
    assert line["entries"] == 7


async def test_dead_consumers_now_and_then() -> None:
    """Every ten minutes; a fleet that starts together spreads by chance."""
    house = House()
    forgets: list[int] = []
    for _ in range(4):
        await house.janitor.sweep()
        forgets.append(house.chores.forgets)
        house.now += 299
    assert forgets == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionResetError(), []),
        (NoPermissionError("no permissions for 'scan'"), ["not_swept"]),
        (ResponseError("WRONGTYPE"), ["not_swept"]),
    ],
)
async def test_one_part_fails(error: Exception, said: list[str]) -> None:
    """A user who may not SCAN still works; what comes after it has its turn."""
    house = House()
    house.chores.errors = [error]
    with capture_logs() as logs:
        await house.janitor.sweep()
    assert [line["event"] for line in logs] == said
    assert house.chores.counts == 1


async def test_sweeps_go_on() -> None:
    """Neither an outage nor a refusal ends the sweeping, or the worker."""
    house = House()
    house.chores.errors = [ConnectionResetError(), NoPermissionError("no"), TimeoutError()]
    task = asyncio.create_task(house.janitor.sweep_forever(0.0))
    await until(lambda: house.chores.sweeps > 4)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
