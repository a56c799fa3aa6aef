"""How much a real worker sends to a server that can do little at once."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.process.bench import Bench, until
from tests.process.conftest import Benches
from worker.embedded.service import Service

pytestmark = pytest.mark.process
SLOTS = 4
QUEUE_MAX = 3
"""The aim is none; one more call of each kind may be tried, and one may be on its way in."""


async def _metrics(bench: Bench, worker: Service) -> str:
    async with bench.http.get(worker.ready_url.replace("/live", "/metrics")) as response:
        return await response.text()


def _gauge(text: str, name: str) -> float | None:
    found = re.search(rf'^llm_worker_llm_{name}{{.*role="text".*}} (\S+)$', text, re.MULTILINE)
    return None if found is None else float(found[1])


@asynccontextmanager
async def _queues(bench: Bench) -> AsyncGenerator[list[int]]:
    """What waits in the server, seen again and again while this lasts."""
    seen: list[int] = []

    async def look() -> None:
        while True:
            stats = await bench.get(f"{bench.stack.model_url}/stats")
            seen.append(int(stats["waiting"]))
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        await asyncio.wait({looking})


async def test_a_server_of_four_seats_is_sent_about_four(benches: Benches) -> None:
    """However many jobs there are and may be: its queue stays short, and all jobs are done."""
    async with benches(latency_ms=200, model_slots=SLOTS) as bench:
        worker = bench.start_worker(WORKER_CONCURRENCY="64", WORKER_JOB_TYPES="text_tag")
        names = [f"j{number}" for number in range(60)]
        for name in names:
            await bench.enqueue(name)

        async def settled() -> bool:
            limit = _gauge(await _metrics(bench, worker), "limit")
            return limit is not None and limit <= SLOTS + 1

        await until(settled, what="a limit that fits")

        async def drained() -> bool:
            stats = await bench.get(f"{bench.stack.model_url}/stats")
            return int(stats["waiting"]) <= 1

        await until(drained, what="the first queue's end")
        async with _queues(bench) as seen:
            await bench.settled()
        jobs = await bench.ended(*names)
        assert {job["status"] for job in jobs} == {"completed"}
        assert max(seen) <= QUEUE_MAX
        text = await _metrics(bench, worker)
        assert 2 <= (_gauge(text, "limit") or 0) <= SLOTS + QUEUE_MAX
        assert _gauge(text, "server_waiting") is not None
        assert _gauge(text, "in_flight") == 0
        ready = await bench.get(worker.ready_url.replace("/live", "/ready"))
        [limit] = [found for found in ready["limits"] if found["role"] == "text"]
        assert limit["provider"] == "vllm"
        assert limit["reason"] in {"growing", "full", "queue", "floor"}


async def test_two_workers_tell_each_other_what_they_use(benches: Benches) -> None:
    """In Redis, while both have calls in flight; it is gone a few seconds after the last one."""
    async with benches(latency_ms=200, model_slots=SLOTS) as bench:
        for _ in range(2):
            bench.start_worker(WORKER_CONCURRENCY="16", WORKER_JOB_TYPES="text_tag")
        names = [f"j{number}" for number in range(120)]
        for name in names:
            await bench.enqueue(name)

        async def both() -> bool:
            keys = await bench.command("KEYS", "llm:limits:*")
            return [await bench.command("HLEN", key) for key in keys] == [2]

        await until(both, what="both workers' words")
        await bench.ended(*names)

        async def gone() -> bool:
            return not await bench.command("KEYS", "llm:limits:*")

        await until(gone, what="the end of what nobody says any more")
