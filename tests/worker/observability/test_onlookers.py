"""Who watches jobs is what the settings say, and is closed in the end."""

import asyncio
from typing import Any

import pytest

from shared.config import load_settings
from shared.redis_streams import Keys
from tests.builders import job, until
from tests.tracing import Memory
from worker.clock import Clock
from worker.config import Settings
from worker.job import NOBODY
from worker.observability.metrics import Metrics
from worker.observability.onlookers import Onlookers, build_telling
from worker.observability.traces import Traces
from worker.telling import Telling
from worker.tracing import UNTRACED, enter


class Sent:
    """A Redis that keeps the commands."""

    def __init__(self) -> None:
        self.commands: list[tuple[Any, ...]] = []

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Keep it."""
        del options
        self.commands.append(args)


def told(sent: Sent, **settings: Any) -> Telling | None:
    """The teller that these settings ask for."""
    return build_telling(load_settings(Settings, **settings), sent, "me", Clock())


@pytest.mark.parametrize(
    ("settings", "somebody"),
    [({}, True), ({"events": "ends"}, False), ({"events_max": 0}, False)],
)
async def test_who_tells(settings: dict[str, Any], somebody: bool) -> None:
    """All events unless only ends are wanted, or none."""
    onlookers = Onlookers(told(Sent(), **settings), Traces(), Keys(), "me")
    assert (onlookers.witness is not NOBODY) is somebody
    running = asyncio.create_task(onlookers.run())
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})
    await onlookers.close()


async def test_events_and_traces() -> None:
    """Both are told of a job, and what is left goes out at the end."""
    sent, memory = Sent(), Memory()
    onlookers = Onlookers(told(sent), Traces(memory.collector), Keys(), "me")
    made = job()
    try:
        onlookers.witness.seen(made)
        onlookers.witness.left(made, "handed_back")
    finally:
        enter(UNTRACED)
    await onlookers.close()
    assert (len(sent.commands), len(memory.spans)) == (1, 1)


async def test_who_counts_is_told_as_well() -> None:
    """Also where nobody else listens; and how many events are lost can be asked."""
    metrics = Metrics()
    onlookers = Onlookers(None, Traces(), Keys(), "me", metrics.jobs)
    onlookers.witness.seen(job())
    labels = {"job_type": "text_tag"}
    assert metrics.registry.get_sample_value("llm_worker_jobs_claimed_total", labels) == 1
    assert onlookers.events_dropped == 0
    telling = told(Sent())
    assert telling is not None
    telling.dropped = 3
    assert Onlookers(telling, Traces(), Keys(), "me").events_dropped == 3


async def test_it_runs() -> None:
    """What is told while it runs goes out then."""
    sent = Sent()
    onlookers = Onlookers(told(sent), Traces(), Keys(), "me")
    running = asyncio.create_task(onlookers.run())
    onlookers.witness.seen(job())
    await until(lambda: bool(sent.commands))
    running.cancel()
    await asyncio.wait({running})
