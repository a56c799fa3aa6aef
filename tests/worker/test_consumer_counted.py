"""What a whole worker counts of its jobs, and where each one's time went."""

import asyncio
from typing import Any

import pytest

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams, tagged, until
from tests.engine import Engine, forever
from worker.errors import Retryable
from worker.handlers.handler import Tools
from worker.observability.metrics import Metrics
from worker.outcome import Completed
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("no_task_is_left")]
KIND = JobType.TEXT_TAG


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """What a sample of text_tag jobs says; 0 where there is none."""
    labels |= {"job_type": str(KIND)}
    return metrics.registry.get_sample_value(f"llm_worker_{name}", labels) or 0.0


async def test_a_job_that_is_tried_twice(
    clients: RedisClients, keys: Keys, streams: Streams
) -> None:
    """Each stage's seconds are taken, and together they are all there were."""

    async def second_time_lucky(_payload: Any, tools: Tools) -> Completed:
        await asyncio.sleep(0)
        if tools.ask.usage.calls == 1:
            raise Retryable("no luck", cause="timeout")
        return tagged("m1")

    metrics = Metrics()
    engine = Engine(clients, keys, run=second_time_lucky, witness=metrics.jobs)
    await streams.add(KIND)
    async with engine.running():
        await until(lambda: len(engine.reports) == 1)
    [(made, _)] = engine.reports
    assert min(made.handler_s, made.record_s, made.settle_s) > 0
    assert made.record_s < made.deliver_s
    assert value(metrics, "job_tries_total") == 2
    assert value(metrics, "job_retries_total", cause="timeout") == 1
    assert value(metrics, "jobs_total", outcome="completed", reason="", cause="") == 1
    assert value(metrics, "job_stage_seconds_sum", stage="record") == made.record_s


async def test_a_job_that_somebody_left_behind(
    clients: RedisClients, keys: Keys, streams: Streams
) -> None:
    """Who takes it over counts that."""
    metrics = Metrics()
    await streams.add(KIND)
    dead = JobQueue(clients, keys, [KIND], "dead")
    await dead.create_groups()
    assert len(await dead.claim(1, block_ms=0)) == 1
    engine = Engine(clients, keys, lease_s=0.2, witness=metrics.jobs)
    async with engine.running():
        await until(lambda: len(engine.reports) == 1)
    assert value(metrics, "jobs_reclaimed_total") == value(metrics, "jobs_claimed_total") == 1


async def test_a_job_that_is_taken_away(
    clients: RedisClients, keys: Keys, streams: Streams
) -> None:
    """A lost lease is counted, once, and no end."""
    metrics = Metrics()
    engine = Engine(clients, keys, run=forever, witness=metrics.jobs)
    await streams.add(KIND)
    async with engine.running():
        await until(lambda: engine.asked == 1)
        other = JobQueue(clients, keys, [KIND], "other")
        assert len(await other.reclaim(1, idle_ms=0)) == 1
        await engine.leases.renew()
        await until(lambda: not len(engine.leases))
    assert value(metrics, "jobs_left_total", how="lease_lost") == 1
    assert value(metrics, "jobs_total", outcome="completed", reason="", cause="") == 0


async def test_a_job_that_is_handed_back(
    clients: RedisClients, keys: Keys, streams: Streams
) -> None:
    """A worker that leaves counts what it has left."""
    metrics = Metrics()
    engine = Engine(clients, keys, run=forever, witness=metrics.jobs)
    await streams.add(KIND)
    async with engine.running():
        await until(lambda: engine.asked == 1)
        engine.leases.cancel_all()
        await until(lambda: not len(engine.leases))
    assert value(metrics, "jobs_left_total", how="handed_back") >= 1
