"""The loop, end to end: every job ends once, whatever is stopped, lost or taken away meanwhile."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from shared.enums import FailureReason, JobType
from shared.redis_streams import GROUP, Keys
from tests.builders import Streams, job_fields, tagged, until
from tests.engine import Engine, forever
from tests.one_by_one import record, renew, settle, tick
from worker.embedded.redis_server import RedisServer
from worker.errors import Retryable
from worker.handlers.handler import Tools
from worker.outcome import Completed, Failed
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import OUTAGE, RedisClients, connect

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("no_task_is_left")]
KIND = JobType.TEXT_TAG


async def test_five_hundred_jobs(engine: Engine, streams: Streams) -> None:
    """Of 500 jobs of seven types each is answered, told and reported once, and nothing is left."""
    job_types = list(JobType)
    for number in range(500):
        job_type = job_types[number % 7]
        await streams.add(job_type, **job_fields(job_type, job_id=f"job-{number}"))
    async with engine.running():
        await until(lambda: len(engine.reports) == 500, timeout_s=60)
    words = Counter(call.subject for call in engine.core.finished)
    assert words == Counter(f"job-{number} completed" for number in range(500))
    said = [str(c) for c in engine.core.calls if c.verb == "processing"]
    assert len(said) == len(set(said)) == 500
    assert engine.slots_max <= engine.concurrency
    assert (engine.slots.used, engine.slots.held, len(engine.leases)) == (0, 0, 0)
    assert await streams.left_over() == {}
    assert await streams.all_pending() == {}
    assert [await streams.lag(job_type) for job_type in JobType] == [0] * len(JobType)


async def test_bad_jobs_among_good_ones(engine: Engine, streams: Streams) -> None:
    """What is no job goes to the dead letters and holds nothing up."""
    await streams.add(KIND, colour="red")
    await streams.add(KIND, **job_fields(job_id="bad", payload="[]"))
    await streams.add(KIND, **job_fields(job_id="good"))
    async with engine.running():
        await until(lambda: len(engine.reports) == 3)
    words = {call.subject for call in engine.core.finished}
    assert words == {"bad failed", "good completed"}
    assert len(await streams.dead()) == 2
    assert await streams.left_over() == {}


async def test_a_new_job_is_taken_at_once(engine: Engine, streams: Streams) -> None:
    """An idle worker hears of a job on any stream."""
    async with engine.running():
        for number, job_type in enumerate(JobType, 1):
            await streams.add(job_type)
            await until(lambda number=number: len(engine.reports) == number)


async def test_retried_and_failed(engine: Engine, streams: Streams) -> None:
    """A job without luck is tried as often as it may, and ends in the dead letters."""
    tries: list[None] = []

    async def unlucky(_payload: Any, _tools: Tools) -> Completed:
        tries.append(None)
        raise Retryable("no luck")

    engine.run = unlucky
    await streams.add(KIND, **job_fields(job_id="j1"))
    async with engine.running():
        await until(lambda: bool(engine.reports))
    [(_, outcome)] = engine.reports
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureReason.ATTEMPTS_EXHAUSTED
    assert len(tries) == 3
    assert [letter["dead_attempts"] for letter in await streams.dead()] == ["3"]


# ------------------------------------------------------------------------- dead workers


async def test_a_dead_workers_entries(
    clients: RedisClients, keys: Keys, streams: Streams, queue: JobQueue, other: JobQueue
) -> None:
    """What a worker held when it died is run by another once its lease is over, not before."""
    for job_type in JobType:
        await streams.add(job_type)
    dead = await other.claim(64, block_ms=0)
    kept = tagged("m7", "m8")
    await record(other, dead[0], kept.model_dump_json().encode())
    await tick(other, dead[0], 1)
    engine = Engine(clients, keys, lease_s=0.3)
    async with engine.running():
        await until(lambda: len(engine.reports) == len(JobType))
    [(job, outcome)] = [row for row in engine.reports if row[0].entry.outcome is not None]
    assert (job.entry.job_type, outcome, job.attempts) == (dead[0].job_type, kept, 0)
    assert [c.subject for c in engine.core.calls if c.subject in {"m7", "m8"}] == ["m8"]
    assert all(job.entry.deliveries == 2 for job, _ in engine.reports)
    assert await streams.left_over() == {}


async def test_a_zombie(clients: RedisClients, keys: Keys, streams: Streams) -> None:
    """A worker that loses its lease in the middle is cancelled, and writes nothing more."""
    engine = Engine(clients, keys, run=forever, lease_s=0.3)
    await streams.add(KIND, **job_fields(job_id="j1"))
    async with engine.running():
        await until(lambda: len(engine.leases) == 1)
        await until(lambda: bool(engine.core.calls))
        [entry_id] = await streams.pending(KIND)
        stream = keys.stream(KIND)
        await clients.commands.execute_command("XCLAIM", stream, GROUP, "other", 0, entry_id)
        await until(lambda: len(engine.leases) == 0)
        assert (await streams.pending(KIND))[entry_id][0] == "other"
        assert (engine.slots.used, engine.slots.held) == (0, 0)
    assert [str(call) for call in engine.core.calls] == ["processing j1"]


async def test_a_group_made_again(engine: Engine, streams: Streams) -> None:
    """When the group is lost and made again, what runs here is not run beside itself."""
    gate, runs = asyncio.Event(), list[str]()

    async def gated(_payload: Any, tools: Tools) -> Completed:
        runs.append(tools.ask.request_id)
        await gate.wait()
        return tagged("m1")

    engine.run = gated
    await streams.add(KIND)
    async with engine.running():
        await until(lambda: len(runs) == 1)
        await streams.client.execute_command("XGROUP", "DESTROY", streams.keys.stream(KIND), GROUP)
        await streams.add(KIND)
        await until(lambda: len(runs) == 2)
        gate.set()
        await until(lambda: len(engine.reports) == 2)
    assert len(set(runs)) == len(runs) == 2
    assert await streams.left_over() == {}


# ------------------------------------------------------------------------- outages


async def test_nothing_is_taken_over_right_after_an_outage(
    own_server: RedisServer, keys: Keys
) -> None:
    """Leases aged while the server was away; their holders get a lease's time to renew them."""
    lease_s = 1.0
    clients = connect(own_server.url)
    streams = Streams(clients.commands, keys)
    holder = JobQueue(clients, keys, list(JobType), "holder")
    await streams.add(KIND)
    [held] = await holder.claim(1, block_ms=1_000)
    engine = Engine(clients, keys, lease_s=lease_s)
    async with engine.running():
        await streams_add(streams, JobType.FOLLOWUP)
        await until(lambda: len(engine.reports) == 1)
        own_server.stop()
        loop = asyncio.get_running_loop()
        over_at = loop.time() + 1.1 * lease_s
        await until(lambda: loop.time() > over_at)
        own_server.start()
        await streams_add(streams, JobType.FOLLOWUP)
        await until(lambda: len(engine.reports) == 2)
        assert await renew(holder, held) == set()
    assert await settle(holder, held) == set()
    await clients.close()


async def streams_add(streams: Streams, job_type: JobType) -> None:
    """XADD, as soon as the server lets us."""
    async with asyncio.timeout(10):
        while True:
            with suppress(*OUTAGE):
                await streams.add(job_type)
                return


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_restart_in_the_middle(own_server: RedisServer, keys: Keys, end: str) -> None:
    """Jobs that ran when Redis went away end when it is back, once each."""
    gate = asyncio.Event()

    async def gated(_payload: Any, _tools: Tools) -> Completed:
        await gate.wait()
        return tagged("m1")

    clients = connect(own_server.url)
    streams = Streams(clients.commands, keys)
    engine = Engine(clients, keys, run=gated)
    for number in range(10):
        await streams.add(KIND, **job_fields(job_id=f"job-{number}"))
    async with engine.running():
        await until(lambda: engine.asked == 10)
        getattr(own_server, end)()
        gate.set()
        own_server.start()
        await until(lambda: len(engine.reports) == 10)
    assert Counter(call.subject for call in engine.core.finished) == Counter(
        f"job-{number} completed" for number in range(10)
    )
    assert await streams.left_over() == {}
    await clients.close()
