"""Batching stand-ins for tests: engines on a clock of their own, servers, and a look at them."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from worker.embedded.model_api import ModelConfig, RunningModel, run_model
from worker.embedded.model_batching import Batching, BatchingEngine, Pacing
from worker.embedded.model_lengths import LengthProfile
from worker.embedded.model_scheduler import Profile
from worker.embedded.model_tally import Tally

QUICK = Batching(Profile(4, 0.1, 0, 0), LengthProfile(8))
ENDLESS = Batching(Profile(1, 1, 0, 0, cache_tokens=10**12), LengthProfile(10**9, 0))
"""Whose first answer outlasts every test."""


@dataclass(slots=True)
class VirtualTime:
    """Time that goes on to the next pause's end whenever nobody has anything to do."""

    now_s: float = 0.0
    pauses: list[tuple[float, int, asyncio.Future[None]]] = field(
        default_factory=list[tuple[float, int, asyncio.Future[None]]]
    )
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def pause(self, seconds: float) -> None:
        """Wait for this time's seconds."""
        end = asyncio.get_running_loop().create_future()
        heapq.heappush(self.pauses, (self.now_s + seconds, next(self.numbers), end))
        await end

    async def run(self) -> None:
        """Let it pass, until it is cancelled."""
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            if self.pauses:
                self.now_s, _, end = heapq.heappop(self.pauses)
                if not end.done():
                    end.set_result(None)


@asynccontextmanager
async def running(batching: Batching) -> AsyncGenerator[tuple[BatchingEngine, VirtualTime]]:
    """An engine at work, and its time."""
    time = VirtualTime()
    pacing = Pacing(lambda: time.now_s, time.pause)
    engine = BatchingEngine(batching, Tally(("m",), 1), pacing)
    tasks = [asyncio.create_task(each()) for each in (engine.run, time.run)]
    yield engine, time
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serving(
    batching: Batching,
) -> AsyncGenerator[tuple[RunningModel, aiohttp.ClientSession]]:
    """A batching stand-in and a client of it."""
    async with (
        run_model(ModelConfig(models=("m", "n"), batching=batching)) as model,
        aiohttp.ClientSession(model.url) as client,
    ):
        yield model, client


def series(text: str) -> dict[str, float]:
    """The samples of `/metrics` by name, with the bound or the reason where there is one."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert sample.labels["model_name"] == "m"
            marks = [
                sample.labels[key] for key in ("le", "finished_reason") if key in sample.labels
            ]
            found[" ".join([sample.name, *marks])] = sample.value
    return found


async def scrape(client: aiohttp.ClientSession) -> dict[str, float]:
    """What `GET /metrics` tells now."""
    async with client.get("/metrics") as response:
        return series(await response.text())


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until a condition holds; pytest's timeout bounds it."""
    while not condition():  # noqa: ASYNC110 - plain numbers, with no event to wait for
        await asyncio.sleep(0)


async def until_load(client: aiohttp.ClientSession, running: int, waiting: int) -> None:
    """Look at the gauges until they tell this."""
    while True:
        found = await scrape(client)
        now = (found["vllm:num_requests_running"], found["vllm:num_requests_waiting"])
        if now == (running, waiting):
            return
