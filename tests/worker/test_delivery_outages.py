"""Core away: answers wait, bounded; one job at a time asks for it; the model hears of nothing."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from shared.enums import FailureReason, JobType
from shared.redis_streams import Keys
from shared.schemas import LLMJobUpdate
from tests.builders import FakeCore, Streams, job, job_fields, tagged, until
from tests.engine import Engine
from tests.journal_queue import JournalQueue
from worker.backlog import Backlog
from worker.clock import Clock
from worker.delivery import Delivery, DeliveryLimits, Waiting
from worker.errors import Service, Snooze
from worker.gates import Gates
from worker.lifecycle import background
from worker.llm.chat import Usage
from worker.llm.prices import NO_PRICES, usage_report
from worker.outcome import Effect, Failed, dump_outcome
from worker.parking import Parking
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import Fields
from worker.queue.redis_clients import RedisClients
from worker.queue.writing import Writing

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("no_task_is_left")]
KIND = JobType.TEXT_TAG
AWAY = Snooze("Core answered 503", service=Service.CORE)
COSTED = tagged("m1").costing(usage_report(Usage(calls=1), NO_PRICES))
"""What the engine's handlers answer, as it is recorded."""


@dataclass(slots=True)
class CountedCore(FakeCore):
    """Counts how many calls are on their way at once while its gate is closed."""

    gates: Gates | None = None
    probing: int = 0
    probing_max: int = 0
    probes: int = 0

    async def apply(self, effect: Effect, *, key: str) -> None:
        """An effect."""
        with self.counted():
            await FakeCore.apply(self, effect, key=key)

    async def finish(self, job_id: str, update: LLMJobUpdate, *, key: str) -> None:
        """The last word."""
        with self.counted():
            await FakeCore.finish(self, job_id, update, key=key)

    def counted(self) -> "Probe":
        """One call."""
        closed = self.gates is not None and not self.gates[Service.CORE].is_open
        return Probe(self, closed)


@dataclass(slots=True)
class Probe:
    """One call on its way; counted if the gate was closed when it began."""

    core: CountedCore
    closed: bool

    def __enter__(self) -> None:
        self.core.probing += self.closed
        self.core.probes += self.closed
        self.core.probing_max = max(self.core.probing_max, self.core.probing)

    def __exit__(self, *_: object) -> None:
        self.core.probing -= self.closed


@pytest.fixture
def away(clients: RedisClients, keys: Keys) -> tuple[Engine, CountedCore]:
    """A worker whose Core is away."""
    core = CountedCore(down=AWAY)
    engine = Engine(clients, keys, core=core, concurrency=8, outbox_max=20)
    core.gates = engine.gates
    return engine, core


async def test_a_crowd_meets_an_outage(away: tuple[Engine, CountedCore], streams: Streams) -> None:
    """Core is asked by one at a time; when it is back all answers arrive, none asked for twice."""
    engine, core = away
    for _ in range(20):
        await streams.add(KIND)
    with capture_logs() as logs:
        async with engine.running():
            await until(lambda: engine.backlog.outcomes == 20 and core.probes > 5)
            assert engine.backlog.bytes == 20 * len(dump_outcome(COSTED))
            core.down = None
            await until(lambda: len(engine.reports) == 20)
    said = [line["event"] for line in logs if not line.get("away_s")]  # each minute once more
    assert (said.count("service_away"), said.count("service_back")) == (1, 1)
    assert (core.probing_max, engine.asked) == (1, 20)
    assert (engine.backlog.outcomes, engine.backlog.bytes) == (0, 0)
    assert [row[0].attempts for row in engine.reports] == [1] * 20
    assert await streams.left_over() == {}


async def test_claiming_pauses_when_too_much_waits(
    away: tuple[Engine, CountedCore], streams: Streams
) -> None:
    """Beyond the bound only what runs already is answered; then work goes on where it was."""
    engine, core = away
    for _ in range(60):
        await streams.add(KIND)
    with capture_logs() as logs:
        async with engine.running():
            await until(lambda: any(line["event"] == "claiming_paused" for line in logs))
            probes = core.probes
            await until(lambda: core.probes > probes + 3)
            assert 20 <= engine.asked <= 20 + 8
            core.down = None
            await until(lambda: len(engine.reports) == 60)
    assert engine.asked == 60
    assert await streams.left_over() == {}


# ------------------------------------------------------------------------- one delivery


@dataclass
class Desk:
    """One delivery with all that is around it; nothing is waited out."""

    queue: JournalQueue
    core: FakeCore
    backlog: Backlog = field(default_factory=lambda: Backlog(10, 10_000))
    parking: Parking = field(default_factory=Parking)

    @asynccontextmanager
    async def delivery(self) -> AsyncGenerator[Delivery]:
        """What is tested."""
        writing = Writing(self.queue)
        waiting = Waiting(self.parking, Gates(self.parking, Clock()), self.backlog)
        limits = DeliveryLimits(2, 100)
        async with background(writing.run()):
            yield Delivery(self.queue, self.core, writing, waiting, limits, Clock())


class DeafQueue(JournalQueue):
    """Hears no reply to the first of its dead letters."""

    heard = False

    async def dead_letter(
        self, entry: ClaimedEntry, letter: Fields, event: Fields | None = None, *, keep: int
    ) -> bool:
        """Dead letter."""
        moved = await super().dead_letter(entry, letter, event, keep=keep)
        if not self.heard:
            self.heard = True
            raise ConnectionResetError
        return moved


@pytest.fixture
async def desk(clients: RedisClients, keys: Keys) -> Desk:
    """A queue with its groups, and a Core."""
    core = FakeCore()
    queue = DeafQueue(clients, keys, core.journal)
    await queue.create_groups()
    return Desk(queue, core)


async def test_a_dead_letter_whose_reply_was_lost(desk: Desk, streams: Streams) -> None:
    """Sent again it is not ours any more, because it has moved: done, and there is one letter."""
    await streams.add(KIND, **job_fields(job_id="j1"))
    [entry] = await desk.queue.claim(1, block_ms=0)
    failed = Failed(reason=FailureReason.BUG, message="x")
    async with desk.delivery() as delivery:
        assert await delivery.deliver(job(entry, job_id="j1"), failed) == failed
    assert desk.core.journal[-2:] == ["dead letter", "dead letter"]
    assert len(await streams.dead()) == 1


async def test_cancelled_while_core_is_away(desk: Desk, streams: Streams) -> None:
    """Its answer counts no longer among those that wait, and somebody else may be the probe."""
    await streams.add(KIND, **job_fields(job_id="j1"))
    [entry] = await desk.queue.claim(1, block_ms=0)
    desk.core.down = AWAY
    outcome = tagged("m1")
    async with desk.delivery() as delivery:
        task = asyncio.create_task(delivery.deliver(job(entry, job_id="j1"), outcome))
        await until(lambda: bool(desk.core.calls))
        assert (desk.backlog.outcomes, desk.backlog.bytes) == (1, len(dump_outcome(outcome)))
        task.cancel()
        await asyncio.wait({task})
    assert (desk.backlog.outcomes, desk.backlog.bytes) == (0, 0)
    assert list(await streams.outbox(KIND)) == [entry.entry_id.encode()]
