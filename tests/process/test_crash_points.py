"""The crash-point table: what it costs when a worker dies, or freezes, at just this point.

The job is an email with two events: two effects and a last word. Wherever the blow falls it ends
completed, once, with each effect applied once, and nothing is left in Redis. What differs is how
often the model was asked, and how many requests Core had to recognise by their key.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGTERM
from typing import Any

import aiohttp
import pytest

from shared import EventName, JobType, Keys
from tests.process.bench import Bench, log_lines, until
from tests.process.crashing import Point, marker
from worker.embedded.child import free_port
from worker.embedded.service import Service, clean_environ
from worker.embedded.stack import HOST, Stack

pytestmark = pytest.mark.process

REPOSITORY = Path(__file__).parents[2]
EMAIL = {
    "subject": "Dentist and the school concert",
    "body": "Hello, your appointment is on 14 December 2026 at 15:30. "
    "The school concert is on 18 December 2026 at 19:00 in the town hall.",
    "received_at": "2026-11-21T09:12:00+02:00",
    "timezone": "Europe/Athens",
}


@dataclass(frozen=True)
class Cost:
    """What a point may cost, beside the lease that has to run out."""

    model_calls: int
    repeats: int
    """Requests that Core had carried out before, and recognised by their idempotency key."""


# Whatever the point: jobs lost 0, completed once, each of the two effects applied once.
KILLED: dict[Point, Cost] = {
    Point.CLAIMED: Cost(model_calls=1, repeats=0),
    Point.ASKED: Cost(model_calls=2, repeats=0),
    Point.ANSWERED: Cost(model_calls=2, repeats=0),
    Point.RECORDED: Cost(model_calls=1, repeats=0),
    Point.FIRST_EFFECT: Cost(model_calls=1, repeats=1),
    Point.FIRST_TICK: Cost(model_calls=1, repeats=0),
    Point.PATCHED: Cost(model_calls=1, repeats=1),
    Point.SETTLED: Cost(model_calls=1, repeats=0),
}
FROZEN: dict[Point, Cost] = {
    Point.FROZEN_ASKED: Cost(model_calls=2, repeats=0),
    Point.FROZEN_FIRST_EFFECT: Cost(model_calls=1, repeats=1),
}


def _row_id(part: Point | Cost) -> str:
    if isinstance(part, Point):
        return part.value
    return f"calls {part.model_calls}, repeats {part.repeats}"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Redis, Core and the model for all rows; each row has streams of its own."""
    with Stack(latency_ms=20) as stack:
        yield stack


@pytest.fixture
async def row(stack: Stack, request: pytest.FixtureRequest) -> AsyncIterator["Row"]:
    """The row for the test's `point`."""
    async with aiohttp.ClientSession() as http:
        bench = Bench(stack, http)
        row = Row(bench, request.getfixturevalue("point"))
        try:
            yield row
        finally:
            row.close()
            await bench.close()


class Row:
    """One job, the worker that is struck at a point of its life, and the one that comes after."""

    def __init__(self, bench: Bench, point: Point) -> None:
        self.bench = bench
        self.point = point
        self.job_id = f"email-{point}"
        bench.keys = Keys(f"row-{point}")
        self.struck = self._worker("struck")
        self.successor = self._worker("successor")

    def _worker(self, name: str) -> Service:
        stack, port = self.bench.stack, free_port()
        environ = clean_environ() | {
            "PYTHONPATH": str(REPOSITORY),
            "REDIS_URL": stack.redis.url,
            "CORE_API_URL": stack.core_url,
            "LLM_BASE_URL": f"{stack.model_url}/v1",
            "LLM_STREAM_PREFIX": self.bench.keys.prefix,
            "IMAGE_STORAGE_PATH": str(stack.images),
            "WORKER_HEALTH_PORT": str(port),
            "WORKER_LEASE_S": "1",
            "LOG_FORMAT": "json",
        }
        words = ["tests.process.crashing", self.point]
        url = f"http://{HOST}:{port}/live"
        return Service(f"{name}-{self.point}", words, url, stack.folder, environ)

    def close(self) -> None:
        """End both workers."""
        self.struck.kill()
        self.successor.stop()

    async def strike(self) -> None:
        """Start the doomed worker, give it the job, and return once the blow has fallen."""
        if self.point in {Point.ASKED, Point.FROZEN_ASKED}:
            # Long enough to be found at it; the frozen one's answer comes while nobody reads it.
            await self.bench.model_fails(hang_s=0.5 if self.point.freezes else 60, count=1)
        self.struck.start()
        await self.bench.enqueue(self.job_id, EMAIL, JobType.EMAIL_EXTRACT)
        await until(self._fallen, what=f"the blow at {self.point}")

    async def _fallen(self) -> bool:
        return marker(self.bench.stack.folder, self.point).exists()

    async def finish(self) -> None:
        """Let the next worker, who is spared, bring the job to its end, and leave."""
        self.successor.start()
        await asyncio.to_thread(self.successor.wait_until_ready)
        await self.bench.ended(self.job_id)
        await self.bench.settled()
        self.successor.send(SIGTERM)
        assert await asyncio.to_thread(self.successor.wait, 20) == 0

    async def cost(self) -> Cost:
        """What the job has cost so far."""
        stats = await self.bench.get(f"{self.bench.stack.model_url}/stats")
        calls: dict[str, int] = stats["by_request_id"]
        of_job = [n for request, n in calls.items() if request.startswith(f"{self.job_id}-")]
        [(repeats,)] = self._core("SELECT sum(replays) FROM answers WHERE key LIKE ?")
        return Cost(sum(of_job), repeats)

    def applied(self) -> dict[str, int]:
        """How often Core has applied each effect of the job, by idempotency key."""
        return dict(self._core("SELECT key, count FROM effects_applied WHERE key LIKE ?"))

    def _core(self, question: str) -> list[Any]:
        file = self.bench.stack.folder / "core.sqlite3"
        with closing(sqlite3.connect(file)) as database:
            return database.execute(question, (f"{self.job_id}:%",)).fetchall()

    async def assert_done_once(self) -> None:
        """The job is completed once, each effect applied once, and Redis holds nothing of it."""
        job = await self.bench.job(self.job_id)
        assert job is not None
        assert (job["status"], job["final_count"]) == ("completed", 1)
        assert self.applied() == {
            f"{self.job_id}:0:create_event": 1,
            f"{self.job_id}:1:create_event": 1,
            f"{self.job_id}:completed": 1,
        }
        keys = self.bench.keys
        assert await self.bench.pending(JobType.EMAIL_EXTRACT) == 0
        left = await self.bench.command("KEYS", f"{keys.prefix}:*")
        streams = {keys.stream(job_type) for job_type in JobType}
        lasting = {key.decode() for key in left if not key.decode().startswith(keys.limits(""))}
        # Limits go by themselves after seconds; what a killed worker told of itself, after an hour.
        assert lasting - {keys.workers} == streams | {keys.events}
        told = await self.bench.command("XRANGE", keys.events, "-", "+")
        ends = [
            fields[b"event"] for _, fields in told if EventName(fields[b"event"].decode()).is_end
        ]
        assert ends == [b"completed"]  # told once


@pytest.mark.parametrize(("point", "cost"), KILLED.items(), ids=_row_id)
async def test_killed(row: Row, point: Point, cost: Cost) -> None:
    """Killed by SIGKILL at this point: the next worker finishes the job at this cost."""
    await row.strike()
    assert await asyncio.to_thread(row.struck.wait, 10) == -SIGKILL
    await row.finish()
    await row.assert_done_once()
    assert await row.cost() == cost


@pytest.mark.parametrize(("point", "cost"), FROZEN.items(), ids=_row_id)
async def test_frozen(row: Row, point: Point, cost: Cost) -> None:
    """Frozen here beyond its lease: another finishes the job, the zombie writes nothing."""
    await row.strike()
    await row.finish()
    await row.assert_done_once()
    row.struck.send(SIGCONT)

    async def noticed() -> bool:
        return bool(log_lines(row.struck, "lease_lost"))

    await until(noticed, what="the zombie noticing")
    row.struck.send(SIGTERM)
    assert await asyncio.to_thread(row.struck.wait, 20) == 0
    assert not log_lines(row.struck, "job_done")
    await row.assert_done_once()
    assert await row.cost() == cost
