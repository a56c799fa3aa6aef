"""Several real workers, started again when they end, each with its own relay to the model."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from signal import SIGTERM
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.calls import Calls
from tests.chaos.journal import Journal
from tests.chaos.log_lines import says
from tests.chaos.proxy import Proxy
from worker.embedded.service import Service
from worker.embedded.stack import Stack

POLL_S = 0.05
LEAVE_S = 20.0
"""A worker that is told to go may take this long beyond its grace."""


@dataclass(frozen=True, slots=True)
class Relays:
    """The relays that all workers share."""

    core: Proxy
    redis: Proxy


class Seat:
    """One place in the fleet, and the worker that has it now."""

    def __init__(self, service: Service, calls: Calls, model: Proxy) -> None:
        self.service = service
        self.calls = calls
        self.model = model
        self._earlier_starts = 0
        self.is_struck = False
        """A fault has it in hand: nobody else starts or ends it."""

    @property
    def consumer(self) -> str | None:
        """The name in Redis of the worker that started last; None before it has said so.

        Until then it has claimed nothing, and Python itself obeys SIGTERM, with -15.
        """
        started = self.lines("started")
        return started[-1]["consumer"] if len(started) > self._earlier_starts else None

    def start(self) -> None:
        """Start it, without waiting."""
        self._earlier_starts = len(self.lines("started"))
        self.calls.in_hand.clear()
        self.service.start()

    async def ended(self, within_s: float) -> int | None:
        """Its exit code once it has ended; None when it takes longer than this."""
        try:
            async with asyncio.timeout(within_s):
                while self.service.exit_code is None:  # noqa: ASYNC110 - a process has no event
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return None
        return self.service.exit_code

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of one event, over all its starts."""
        lines = (line for line in self.log() if says(line, "event", event))
        return [found for line in lines if (found := _parsed(line))]

    def log(self) -> Iterator[str]:
        """Its log, line by line."""
        if self.service.log_file.exists():
            with self.service.log_file.open(encoding="utf-8", errors="replace") as file:
                yield from file


class Fleet:
    """The workers of a run."""

    def __init__(
        self, stack: Stack, relays: Relays, settings: dict[str, str], journal: Journal
    ) -> None:
        self._stack = stack
        self._relays = relays
        self._settings = settings
        self.journal = journal
        self.excused: Counter[str] = Counter()
        self.seats: list[Seat] = []
        self.oddities: list[str] = []
        """Ends of workers that no fault explains."""

    async def add(self, name: str) -> None:
        """One more worker, running."""
        calls = Calls(partial(self.excuse, why="cut"), partial(self._note_call, name))
        model = Proxy(urlsplit(self._stack.model_url).port or 0, calls.watch)
        await model.start()
        environ = self._settings | {
            "REDIS_URL": f"redis://{self._relays.redis.address}",
            "CORE_API_URL": f"http://{self._relays.core.address}",
            "LLM_BASE_URL": f"http://{model.address}/v1",
            "WORKER_HEALTH_PORT": "0",
            "LOG_FORMAT": "json",
        }
        seat = Seat(self._stack.worker(name, **environ), calls, model)
        self.seats.append(seat)
        seat.start()

    def excuse(self, job_id: str, why: str) -> None:
        """A fault has cut off an inference of this job: it may be asked about once more."""
        self.excused[job_id] += 1
        self.journal.note("excused", job_id=job_id, why=why)

    def _note_call(self, worker: str, what: str, job_id: str) -> None:
        self.journal.note(what, worker=worker, job_id=job_id)

    @contextmanager
    def victim(self, number: int) -> Generator[Seat | None]:
        """The worker of this number, or the next one that no other fault has in hand."""
        order = self.seats[number:] + self.seats[:number]
        seat = next((s for s in order if not s.is_struck and s.service.exit_code is None), None)
        if seat is None:
            yield None
            return
        seat.is_struck = True
        try:
            yield seat
        finally:
            seat.is_struck = False

    async def keep_running(self) -> None:
        """Start whoever has ended, until cancelled; an end that no fault explains is noted."""
        while True:
            for seat in self.seats:
                code = seat.service.exit_code
                if code is not None and not seat.is_struck:
                    self.oddities.append(f"{seat.service.name} ended by itself with {code}")
                    seat.start()
            await asyncio.sleep(POLL_S)

    async def leave(self) -> None:
        """Tell everybody to go, and wait until they are gone."""
        for seat in self.seats:
            seat.service.send(SIGTERM)
        for seat in self.seats:
            code = await seat.ended(LEAVE_S)
            if code != 0 and not (code == -SIGTERM and seat.consumer is None):
                self.oddities.append(f"{seat.service.name} left at the end with {code}")

    @asynccontextmanager
    async def running(self, size: int) -> AsyncGenerator[None]:
        """`size` workers, kept running while the block runs; afterwards they are told to go."""
        try:
            for number in range(size):
                await self.add(f"worker-{number}")
            keeper = asyncio.create_task(self.keep_running())
            try:
                yield
            finally:
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
            await self.leave()
        finally:
            for seat in self.seats:
                seat.service.kill()
                await seat.model.close()


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        return json.loads(line)
    except ValueError:  # half a line: its writer was killed
        return None
