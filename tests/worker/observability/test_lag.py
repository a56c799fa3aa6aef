"""How late the event loop is, as a timer finds out."""

import asyncio

from tests.builders import until
from worker.clock import Clock
from worker.observability.catalogue.doing import LAG
from worker.observability.lag import LagWatch


async def test_each_timer_is_counted_with_its_lateness() -> None:
    """By a clock that says that everything took a second longer."""
    readings = iter(range(10**6))  # a second passes each time that somebody looks
    watch = LagWatch(Clock(elapsed=lambda: next(readings)), every_s=0.0)
    watching = asyncio.create_task(watch.run())

    def counted() -> dict[str, float]:
        [family] = watch.lags.collect()
        return {sample.name[len(LAG.name) :]: sample.value for sample in family.samples}

    await until(lambda: counted().get("_count", 0) >= 3)
    watching.cancel()
    await asyncio.wait({watching})
    found = counted()
    assert found["_sum"] == found["_count"]
