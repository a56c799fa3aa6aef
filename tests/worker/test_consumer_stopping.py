"""However the loop is stopped, what it holds is finished or handed back, and no task is left."""

import asyncio
from typing import Any

import pytest

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import FakeCore, QuickParking, Streams, job_fields, tagged, until
from tests.engine import Engine, forever, until_ended
from worker.errors import Halt, Snooze
from worker.handlers.handler import Tools
from worker.outcome import Completed
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("no_task_is_left")]
KIND = JobType.TEXT_TAG


async def test_stopped_while_idle(engine: Engine) -> None:
    """An idle worker stops without waiting for its read to end."""
    async with engine.running() as task:
        await engine.consumer.stop()
        await asyncio.wait({task}, timeout=10)
        assert task.done()


async def test_stopped_while_busy(engine: Engine, streams: Streams, other: JobQueue) -> None:
    """What runs is finished; what waits for a slot is handed back at once; the rest stays."""
    gate = asyncio.Event()

    async def gated(_payload: Any, _tools: Tools) -> Completed:
        await gate.wait()
        return tagged("m1")

    engine.run = gated
    for _ in range(40):
        await streams.add(KIND)
    async with engine.running() as task:
        await until(lambda: (engine.asked, engine.slots.held) == (16, 17))
        await engine.consumer.stop()
        await until(lambda: engine.slots.held == 16)
        [spare] = await other.reclaim(10, idle_ms=60_000)
        assert spare.deliveries == 1
        gate.set()
        await asyncio.wait({task})
    assert len(engine.reports) == 16
    assert await streams.length(KIND) == 24
    assert set(await streams.all_pending()) == {f"{KIND} {spare.entry_id}"}


@pytest.mark.parametrize("where", ["answer", "delivery"])
async def test_stopped_while_parked(
    clients: RedisClients, keys: Keys, streams: Streams, other: JobQueue, where: str
) -> None:
    """What waits for another try is handed back at once, as if it had never been delivered."""

    async def run(_payload: Any, _tools: Tools) -> Completed:
        if where == "answer":
            raise Snooze("busy")
        return tagged("m1")

    core = FakeCore(down=Snooze("away"))
    parking = QuickParking(held_from_s=0.0)
    engine = Engine(clients, keys, run=run, core=core, parking=parking)
    for _ in range(3):
        await streams.add(KIND)
    async with engine.running():
        await until(lambda: len(parking.waits) == 3)
    assert engine.reports == []
    assert (engine.slots.used, engine.slots.held) == (0, 0)
    found = await other.reclaim(10, idle_ms=60_000)
    assert [entry.deliveries for entry in found] == [1, 1, 1]
    assert all((entry.outcome is not None) == (where == "delivery") for entry in found)


async def test_cancelled_while_busy(engine: Engine, streams: Streams, other: JobQueue) -> None:
    """When the grace is over, what still runs is handed back."""
    engine.run = forever
    for _ in range(3):
        await streams.add(KIND)
    async with engine.running() as task:
        await until(lambda: engine.asked == 3)
        await engine.consumer.stop()
        engine.leases.cancel_all()
        await asyncio.wait({task})
    assert [entry.deliveries for entry in await other.reclaim(10, idle_ms=60_000)] == [1, 1, 1]
    assert (engine.slots.used, engine.slots.held, len(engine.leases)) == (0, 0, 0)


@pytest.mark.parametrize("round_", range(5))
async def test_halt(engine: Engine, streams: Streams, other: JobQueue, round_: int) -> None:
    """A broken worker hands everything back, and ends with the reason; nothing is pending to it."""

    async def run(_payload: Any, tools: Tools) -> Completed:
        if tools.user_id == 1:
            for _ in range(round_):
                await asyncio.sleep(0)
            raise Halt("bad key")
        return await forever(_payload, tools)

    engine.run = run
    for user_id in (3, 2, 1, 4):
        await streams.add(KIND, **job_fields(user_id=str(user_id)))
    feeder = asyncio.create_task(feed(streams))
    assert not engine.consumer.halted
    with pytest.raises(Halt, match="bad key"):
        await until_ended(engine)
    assert engine.consumer.halted
    feeder.cancel()
    await asyncio.wait({feeder})
    assert await streams.all_pending() == {}
    waiting = await streams.handed_back()
    assert waiting
    assert all(count == 0 for _, _, count in waiting.values())
    assert len(await other.reclaim(100, idle_ms=60_000)) == min(len(waiting), 100)
    assert len(engine.leases) == 0


async def feed(streams: Streams) -> None:
    """A producer that does not stop."""
    while True:
        await streams.add(JobType.FOLLOWUP)


async def test_a_key_of_another_kind(engine: Engine, streams: Streams) -> None:
    """Something else under our stream's name stops the worker with the reason."""
    await streams.client.execute_command("SET", streams.keys.stream(KIND), "x")
    with pytest.raises(Halt, match="WRONGTYPE"):
        await until_ended(engine)
