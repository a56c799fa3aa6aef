"""The whole engine, as the daemon puts it together, with a fake Core and handlers of a test's own.

Everything that speaks to Redis is real.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from shared.enums import JobType
from shared.redis_streams import Keys
from shared.schemas import PAYLOADS as SCHEMAS
from tests.builders import FakeCore, NoImages, QuickParking, Run, tagged
from worker.answering import Answering, AnswerLimits
from worker.backlog import Backlog
from worker.claiming import Claiming, Limits
from worker.clock import Clock
from worker.consumer import Consumer, Hands
from worker.delivery import Delivery, DeliveryLimits, Waiting
from worker.gates import Gates
from worker.handlers.handler import Handler, Tools
from worker.job import NOBODY, Job, Witness
from worker.leases import Leases
from worker.lifecycle import background
from worker.llm.chat import ScriptedLLM
from worker.outcome import Completed, Outcome
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients
from worker.queue.writing import Writing
from worker.slots import Slots
from worker.workshop import Workshop


async def answer(_payload: Any, _tools: Tools) -> Completed:
    """A handler that has nothing to think about."""
    await asyncio.sleep(0)
    return tagged("m1")


async def forever(_payload: Any, _tools: Tools) -> Completed:
    """A handler that never answers."""
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class Engine:
    """One worker, without signals and health port."""

    clients: RedisClients
    keys: Keys
    name: str = "me"
    run: Run = answer
    core: FakeCore = field(default_factory=FakeCore)
    parking: QuickParking = field(default_factory=lambda: QuickParking(elapsed=time.monotonic))
    lease_s: float = 20.0
    concurrency: int = 16
    outbox_max: int = 1_000
    events_kept: int = 0
    witness: Witness = NOBODY
    reports: list[tuple[Job, Outcome]] = field(default_factory=list[tuple[Job, Outcome]])
    slots_max: int = 0
    """The most slots that were in use when a handler was asked."""
    asked: int = 0
    """How often a handler was."""

    def __post_init__(self) -> None:
        self.queue = JobQueue(
            self.clients, self.keys, list(JobType), self.name, events_kept=self.events_kept
        )
        self.writing = Writing(self.queue)
        self.slots = Slots(self.concurrency, held_max=4 * self.concurrency)
        self.leases = Leases(self.queue, self.lease_s)
        self.backlog = Backlog(self.outbox_max, 1_000_000)
        self.gates = Gates(self.parking, Clock(elapsed=self.parking.elapsed, jitter=lambda: 0.0))
        clock = Clock()
        handlers = self.handlers()
        needs = {str(kind): handler.needs for kind, handler in handlers.items()}
        limits = Limits(self.slots, self.backlog, self.gates, needs)
        hands = Hands(
            queue=self.queue,
            claiming=Claiming(self.queue, limits, clock, lease_s=self.lease_s),
            slots=self.slots,
            leases=self.leases,
            parking=self.parking,
            gates=self.gates,
            answering=self.answering(handlers, clock),
            delivery=self.delivery(clock),
        )
        self.consumer = Consumer(hands, self.report, clock, self.witness)

    def answering(self, handlers: Mapping[JobType, Handler[Any]], clock: Clock) -> Answering:
        """Three attempts, ten deliveries, alone from the third on."""
        workshop = Workshop(handlers, ScriptedLLM([]), self.core, NoImages())
        limits = AnswerLimits(
            attempts_max=3,
            deliveries_max=10,
            alone_from_deliveries=3,
            payload_max_bytes=1_000_000,
        )
        return Answering(workshop, limits, self.slots, self.parking, self.gates, clock)

    def delivery(self, clock: Clock) -> Delivery:
        """Three errors of Core's own, a hundred dead letters."""
        waiting = Waiting(self.parking, self.gates, self.backlog)
        limits = DeliveryLimits(3, 100)
        return Delivery(self.queue, self.core, self.writing, waiting, limits, clock)

    def handlers(self) -> Mapping[JobType, Handler[Any]]:
        """The same function for every job type."""
        return {
            job_type: cast("Handler[Any]", Handler(job_type, schema, self.handle))
            for job_type, schema in SCHEMAS.items()
        }

    async def handle(self, payload: Any, tools: Tools) -> Completed:
        """What every job type's handler does."""
        self.asked += 1
        self.slots_max = max(self.slots_max, self.slots.used)
        tools.ask.usage.calls += 1
        return await self.run(payload, tools)

    def report(self, job: Job, outcome: Outcome) -> None:
        """Note what came of a job."""
        self.reports.append((job, outcome))

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[asyncio.Task[None]]:
        """The engine at work; stopped in good order at the end of the block, jobs finished."""
        async with background(self.leases.renew_forever(lambda: None), self.writing.run()):
            task = asyncio.create_task(self.consumer.run())
            try:
                yield task
            finally:
                await self.consumer.stop()
                await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def until_ended(engine: Engine) -> None:
    """Run until it ends by itself.

    Raises:
        Halt: that was why.
    """
    async with engine.running() as task:
        await asyncio.wait({task})
