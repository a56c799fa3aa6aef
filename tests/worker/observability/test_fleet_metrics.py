"""The fleet's numbers: one look for many who ask, and none that anybody waits for long."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import structlog
from redis import exceptions

from tests.builders import turn
from worker.clock import Clock
from worker.observability import fleet_metrics
from worker.observability.fleet_metrics import KEPT_S, FleetTotals, StreamTotals
from worker.observability.metrics import Metrics

TOTALS = FleetTotals([StreamTotals("text_tag", 5, 61.5, 2, 3.5, 1, paused=True)], 7, 2)


class Fleet:
    """A Redis that is looked at, and the time."""

    def __init__(self) -> None:
        self.now, self.looks = 0.0, 0
        self.answer: Callable[[], Awaitable[FleetTotals]] = self.well
        self.metrics = Metrics(clock=Clock(elapsed=lambda: self.now))
        self.metrics.watch_fleet(self.look)

    async def well(self) -> FleetTotals:
        """It answers."""
        return TOTALS

    async def hang(self) -> FleetTotals:
        """It never does."""
        await asyncio.Event().wait()
        return TOTALS

    async def look(self) -> FleetTotals:
        """One more look."""
        self.looks += 1
        return await self.answer()

    def value(self, name: str, **labels: str) -> float | None:
        """What a sample says; None where there is none."""
        return self.metrics.registry.get_sample_value(f"llm_worker_{name}", labels)

    @property
    def waiting(self) -> float | None:
        """Jobs that wait."""
        return self.value("fleet_waiting_jobs", job_type="text_tag")


@pytest.fixture
def fleet() -> Fleet:
    """Nobody has looked yet."""
    return Fleet()


async def test_what_was_found(fleet: Fleet) -> None:
    """Every number under its name; before the first look none, and no zero in their place."""
    assert (fleet.value("redis_up"), fleet.waiting) == (0, None)
    await fleet.metrics.refresh()
    names = {
        *("waiting_jobs", "oldest_waiting_seconds", "in_flight_jobs"),
        *("oldest_in_flight_seconds", "outbox_outcomes", "paused"),
    }
    found = {name: fleet.value(f"fleet_{name}", job_type="text_tag") for name in names}
    assert found == {
        "waiting_jobs": 5,
        "oldest_waiting_seconds": 61.5,
        "in_flight_jobs": 2,
        "oldest_in_flight_seconds": 3.5,
        "outbox_outcomes": 1,
        "paused": 1,
    }
    of_all = [fleet.value(name) for name in ("fleet_dead_letters", "fleet_paused_tenants")]
    assert (of_all, fleet.value("redis_up")) == ([7, 2], 1)


async def test_a_redis_that_takes_no_writes(fleet: Fleet) -> None:
    """It is not up, for nothing can be recorded; what it tells is shown all the same."""

    async def full() -> FleetTotals:
        return replace(TOTALS, takes_writes=False)

    fleet.answer = full
    await fleet.metrics.refresh()
    assert (fleet.value("redis_up"), fleet.waiting) == (0, 5)


async def test_many_scrapes_are_one_look(fleet: Fleet) -> None:
    """At once or one after the other, until it is old."""
    await asyncio.gather(*(fleet.metrics.refresh() for _ in range(10)))
    fleet.now = KEPT_S - 0.01
    await fleet.metrics.refresh()
    assert fleet.looks == 1
    fleet.now = KEPT_S
    await fleet.metrics.refresh()
    assert fleet.looks == 2


async def test_a_redis_that_hangs(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is served, the fleet's numbers are gone, and who comes next does not wait again."""
    await fleet.metrics.refresh()
    monkeypatch.setattr(fleet_metrics, "LOOK_S", 0.01)
    fleet.answer, fleet.now = fleet.hang, 100.0
    await asyncio.gather(*(fleet.metrics.refresh() for _ in range(5)))
    assert fleet.looks == 2
    assert (fleet.value("redis_up"), fleet.waiting) == (0, None)
    assert fleet.value("fleet_dead_letters") is None
    assert b"process_cpu_seconds_total" in fleet.metrics.exposition()
    fleet.answer, fleet.now = fleet.well, 200.0
    await fleet.metrics.refresh()
    assert (fleet.value("redis_up"), fleet.waiting) == (1, 5)


async def test_a_scrape_that_is_given_up(fleet: Fleet) -> None:
    """The next one looks by itself."""
    fleet.answer = fleet.hang
    scrape = asyncio.create_task(fleet.metrics.refresh())
    await turn()
    scrape.cancel()
    await asyncio.wait({scrape})
    fleet.answer = fleet.well
    await fleet.metrics.refresh()
    assert fleet.waiting == 5


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.ConnectionError("refused"), 0),
        (exceptions.NoPermissionError("no HLEN"), 1),
        (exceptions.ResponseError("WRONGTYPE"), 1),
        (ValueError("an odd reply"), 1),
    ],
)
async def test_what_a_look_may_raise(fleet: Fleet, error: Exception, said: int) -> None:
    """Anything; what does not pass by itself is said once, and again when it comes again."""

    async def fail() -> FleetTotals:
        raise error

    with structlog.testing.capture_logs() as lines:
        for answer in (fail, fail, fleet.well, fail):
            fleet.answer = answer
            fleet.now += 10.0
            await fleet.metrics.refresh()
            expected = 1 if answer == fleet.well else None if said else 0
            assert fleet.value("redis_up") == expected
    assert [line["event"] for line in lines] == ["fleet_not_measured"] * 2 * said
