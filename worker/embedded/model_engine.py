"""What makes the stand-in's answers take their time: an engine; the plain one has slots."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from worker.embedded.model_request import ChatCall, Refusal
from worker.embedded.model_tally import Tally


class Refused(Exception):
    """An engine takes no such request, or none now."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Engine(Protocol):
    """Where a request waits and runs; the words of its answer are not its business."""

    def turn(self, call: ChatCall) -> AbstractAsyncContextManager[None]:
        """Lasts as long as the request is the engine's.

        Raises:
            Refused: it is not taken.
        """
        ...

    async def generate(self, call: ChatCall, hang_s: float) -> int | None:
        """Let an answer's time pass, and a fault's; returns its tokens, None for what it has.

        Raises:
            Refused: the queue has become too long meanwhile.
        """
        ...

    async def run(self) -> None:
        """What it does in the background, until it is cancelled."""
        ...

    @property
    def running(self) -> int:
        """Requests that run."""
        ...

    @property
    def waiting(self) -> int:
        """Requests that wait for others to end."""
        ...

    @property
    def cache_use(self) -> float:
        """The share, 0 to 1, of the KV cache in use."""
        ...

    def metrics(self) -> str:
        """The body of `GET /metrics`."""
        ...


class SlotEngine:
    """Every answer takes the same time in one of a number of slots."""

    def __init__(self, slots: int, latency_s: float, tally: Tally) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._latency_s = latency_s
        self._tally = tally

    @asynccontextmanager
    async def turn(self, call: ChatCall) -> AsyncGenerator[None]:
        """Wait for a slot and hold it."""
        with self._tally.wait(call.model):
            await self._slots.acquire()
        try:
            with self._tally.run(call.model, call.prompt_tokens):
                yield
        finally:
            self._slots.release()

    async def generate(self, call: ChatCall, hang_s: float) -> int | None:
        """Wait; the answer is as long as it is."""
        del call
        await asyncio.sleep(self._latency_s + hang_s)
        return None

    async def run(self) -> None:
        """There is nothing to do."""

    @property
    def running(self) -> int:
        """Slots that are taken."""
        return self._tally.running.total()

    @property
    def waiting(self) -> int:
        """Requests without a slot."""
        return self._tally.waiting.total()

    @property
    def cache_use(self) -> float:
        """The share of all slots' tokens that prompts hold."""
        return self._tally.cache_use()

    def metrics(self) -> str:
        """The tally's, by model."""
        return self._tally.metrics()
