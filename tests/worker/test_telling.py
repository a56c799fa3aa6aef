"""The events before a job's end: told soon, in few commands, and never at a job's expense."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.enums import FailureReason, JobType
from shared.redis_streams import JobEntry, Keys
from tests.builders import PAYLOADS, QuickParking, Streams, claimed, job, tagged, until
from tests.engine import Engine
from worker.errors import Reject, Retryable, Service, Snooze
from worker.handlers.handler import Tools
from worker.job import Job
from worker.outcome import Completed, Failed
from worker.queue.redis_clients import RedisClients
from worker.retry import Retry, Wait
from worker.telling import BATCH_MAX, WAITING_MAX, Telling

SECRET = "the ferry to Naxos"
NOW = 1_700_000_002.0


class Sent:
    """A Redis that counts the commands; a gate holds them up, an error fails them."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Take a batch: EVALSHA, hash, 1, key, how many to keep, then the events."""
        del options
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.batches.append(len(args) - 5)


def telling(client: Any, keys: Keys, kept: int = 1_000) -> Telling:
    """A teller at a fixed moment."""
    return Telling(client, keys, "me", kept=kept, now=lambda: NOW)


@asynccontextmanager
async def running(teller: Telling) -> AsyncGenerator[None]:
    """Its loop runs, and what is left is told at the end."""
    task = asyncio.create_task(teller.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        await teller.finish()


def known(**more: Any) -> Job:
    """A job with everything that may be told of it, and something that may not."""
    facts = JobEntry("j1", {"content": SECRET}, user_id=42, tenant="acme")
    entry = claimed(entry_id="1700000000000-7")
    return job(entry, facts=facts, job_id="j1", claimed_at=1_700_000_001.5, **more)


async def test_what_is_told(any_clients: RedisClients, keys: Keys) -> None:
    """Each step with what is known by then; nothing of payloads, messages and answers."""
    made, teller = known(), telling(any_clients.commands, keys)
    async with running(teller):
        teller.seen(made)
        teller.started(made)
        made.attempts = 1
        teller.retried(made, Retry(1.5, SECRET, "truncated"))
        teller.retried(made, Wait(Service.MODEL, SECRET, None, "timeout"))
        made.usage.llm_s = 0.25
        teller.told(made, tagged("m1"))
        teller.told(made, Failed(reason=FailureReason.BUG, message=SECRET, cause="timeout"))
        teller.ended(made, tagged("m1"))
        teller.left(made, "handed_back")
    common = {
        "job_id": "j1",
        "job_type": "text_tag",
        "user_id": "42",
        "tenant": "acme",
        "entry_id": "1700000000000-7",
        "wait_ms": "1500",
        "at": "1700000002.000",
    }
    failed = {"event": "failed", "attempt": "1", "llm_ms": "250", "reason": "bug"}
    assert await Streams(any_clients.commands, keys).events() == [
        common | {"event": "seen", "attempt": "0", "worker": "me"},
        common | {"event": "started", "attempt": "1", "deliveries": "1", "worker": "me"},
        common | {"event": "retried", "attempt": "1", "after_ms": "1500", "cause": "truncated"},
        common | {"event": "delivered", "attempt": "1", "llm_ms": "250"},
        common | failed | {"cause": "timeout"},
    ]
    assert teller.dropped == 0


async def test_only_the_first_is_seen(keys: Keys) -> None:
    """A job that another worker has had was seen by that."""
    sent = Sent()
    teller = telling(sent, keys)
    teller.seen(job(claimed(deliveries=2, taken_from="other")))
    teller.seen(job(claimed(deliveries=1, taken_from="who handed it back")))
    await teller.finish()
    assert sent.batches == []


async def test_few_commands(keys: Keys) -> None:
    """What happens while one is on its way goes with the next."""
    sent = Sent()
    teller = telling(sent, keys)
    sent.gate.clear()
    async with running(teller):
        for _ in range(BATCH_MAX + 10):
            teller.seen(job())
            await asyncio.sleep(0)
        sent.gate.set()
        await until(lambda: sum(sent.batches) == BATCH_MAX + 10)
    assert len(sent.batches) <= 3


async def test_more_than_can_wait(keys: Keys) -> None:
    """The newest are left out, counted and said once; the job that asked has not waited."""
    sent = Sent()
    teller = telling(sent, keys)
    made = job()
    with capture_logs() as logs:
        for _ in range(WAITING_MAX + 7):
            teller.started(made)
        await teller.finish()
    assert (sum(sent.batches), teller.dropped) == (WAITING_MAX, 7)
    assert [line["event"] for line in logs] == ["events_dropped", "events_told_again"]
    assert logs[-1]["dropped_in_all"] == 7


@pytest.mark.parametrize("error", [ConnectionError("gone"), UnicodeError("odd")])
async def test_what_cannot_be_written(keys: Keys, error: Exception) -> None:
    """Dropped and counted; the loop lives, and tells what comes later."""
    sent = Sent()
    sent.error = error
    teller = telling(sent, keys)
    with capture_logs() as logs:
        async with running(teller):
            teller.started(job())
            await until(lambda: teller.dropped == 1)
            sent.error = None
            teller.started(job())
            await until(lambda: sent.batches == [1])
    assert [line["event"] for line in logs] == ["events_dropped", "events_told_again"]


async def test_a_redis_that_hangs_holds_up_no_end(keys: Keys) -> None:
    """The last words are given up when they take too long."""
    sent = Sent()
    sent.gate.clear()
    teller = telling(sent, keys)
    teller.started(job())
    async with asyncio.timeout(10):
        await teller.finish()
    assert sent.batches == []


async def test_capped(any_clients: RedisClients, keys: Keys) -> None:
    """About as many are kept as asked for (a node of the stream holds a hundred)."""
    teller = telling(any_clients.commands, keys, kept=10)
    for _ in range(300):
        teller.started(job())
    await teller.finish()
    assert 10 <= len(await Streams(any_clients.commands, keys).events()) <= 120


# ------------------------------------------------------------------------- whole lives


@pytest.mark.redis
async def test_the_life_of_jobs(clients: RedisClients, keys: Keys, streams: Streams) -> None:
    """Answered at once, at the second try, after an outage, and never."""
    errors: dict[int, list[Exception]] = {
        2: [Retryable("no luck")],
        3: [Snooze("busy")],
        4: [Reject(FailureReason.BUG, "never")],
    }

    async def run(_payload: Any, tools: Tools) -> Completed:
        if planned := errors.get(tools.user_id or 0):
            raise planned.pop()
        return tagged("m1")

    teller = telling(clients.commands, keys)
    quick = QuickParking()
    engine = Engine(clients, keys, run=run, parking=quick, events_kept=1_000, witness=teller)
    for user in range(1, 5):
        await streams.add(job_id=f"j{user}", user_id=str(user), payload=PAYLOADS[JobType.TEXT_TAG])
    async with running(teller), engine.running():
        await until(lambda: len(engine.reports) == 4)
    lives: dict[str, list[str]] = {}
    for event in await streams.events():
        lives.setdefault(event["job_id"], []).append(event["event"])
    completed = ["completed", "delivered", "seen", "started"]
    assert {name: sorted(steps) for name, steps in lives.items()} == {
        "j1": completed,
        "j2": sorted([*completed, "retried", "started"]),
        "j3": sorted([*completed, "started"]),
        "j4": ["dead", "failed", "seen", "started"],
    }
