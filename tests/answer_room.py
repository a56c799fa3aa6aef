"""A room to answer jobs in: everything but Redis, with handlers that follow a script."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from shared.schemas import PAYLOADS as SCHEMAS
from tests.builders import FakeCore, NoImages, QuickParking, Run, tagged
from worker.answering import Answering, AnswerLimits
from worker.clock import Clock
from worker.errors import Service
from worker.gates import Gates
from worker.handlers.handler import Handler, Tools
from worker.job import Job
from worker.llm.chat import LLM, ScriptedLLM
from worker.llm.prices import NO_PRICES, Prices
from worker.outcome import Completed, Outcome
from worker.slots import Slots
from worker.workshop import Workshop

ANSWERED_AT = 1_700_000_100.0
"""Unix seconds on the clock of an `AnswerRoom`."""


@dataclass
class AnswerRoom:
    """Everything jobs need to be answered, with handlers that follow a script.

    Time passes only where jobs wait: all clocks here are those of the parking.
    """

    script: list[Exception | Completed] = field(default_factory=list[Exception | Completed])
    core: FakeCore = field(default_factory=FakeCore)
    llm: LLM = field(default_factory=lambda: ScriptedLLM([]))
    parking: QuickParking = field(default_factory=QuickParking)
    slots: Slots = field(default_factory=lambda: Slots(2, held_max=10))
    seen: list[tuple[Any, Tools]] = field(default_factory=list[tuple[Any, Tools]])
    run: Run | None = None
    used: list[int] = field(default_factory=list[int])
    asks: bool = True
    """Whether the handlers get as far as asking the model."""
    needs: tuple[Service, ...] = (Service.MODEL,)
    prices: Prices = NO_PRICES
    cancelled: set[str] = field(default_factory=set[str])
    """Ids of jobs that nobody wants any more."""
    processing_after_s: float = 0.0

    def __post_init__(self) -> None:
        clock = Clock(elapsed=self.parking.elapsed, jitter=lambda: 0.0)
        self.gates = Gates(self.parking, clock)
        self._answering: dict[int, Answering] = {}

    async def handle(self, payload: Any, tools: Tools) -> Completed:
        """The handler of every job type."""
        self.seen.append((payload, tools))
        tools.ask.usage.calls += self.asks
        self.used.append(self.slots.used)
        if self.run is not None:
            return await self.run(payload, tools)
        step = self.script.pop(0) if self.script else tagged("m1")
        if isinstance(step, Exception):
            raise step
        return step

    async def answer(self, made: Job, attempts_max: int = 3) -> Outcome:
        """Bring a job to its outcome, as the consumer does."""
        answering = self._answering.setdefault(attempts_max, self._made(attempts_max))
        self.slots.hold()
        try:
            return await answering.answer(made)
        finally:
            if made.processing is not None:
                await asyncio.wait({made.processing})

    def _made(self, attempts_max: int) -> Answering:
        handlers = {
            kind: Handler(kind, schema, self.handle, self.needs) for kind, schema in SCHEMAS.items()
        }
        limits = AnswerLimits(
            attempts_max=attempts_max,
            deliveries_max=5,
            alone_from_deliveries=3,
            payload_max_bytes=1_000,
            processing_after_s=self.processing_after_s,
            cancelled=lambda job: job.job_id in self.cancelled,
        )
        shop = Workshop(handlers, self.llm, self.core, NoImages(), prices=self.prices)
        clock = Clock(lambda: ANSWERED_AT + self.parking.elapsed(), jitter=lambda: 0.0)
        return Answering(shop, limits, self.slots, self.parking, self.gates, clock)
