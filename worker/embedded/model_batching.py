"""An engine that behaves like a batching server: one queue, one batch, one step after the other.

A single task counts the steps, however many requests there are; each of them only awaits its end.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from worker.embedded.model_engine import Refused
from worker.embedded.model_lengths import LengthProfile, Lengths
from worker.embedded.model_load import QueueTimes, metrics_text
from worker.embedded.model_picture import Picture
from worker.embedded.model_request import ChatCall, Refusal
from worker.embedded.model_scheduler import Profile, Scheduler
from worker.embedded.model_tally import Tally

_CATCH_UP_S = 0.1
"""Steps that came late are made up for as far as this, and no further."""
_BUSY = Refusal(
    503,
    "The engine is currently busy and cannot accept new requests. "
    "Please try again later or on a different instance.",
    "Service Unavailable",
)
_NO_PRIORITIES = Refusal(
    400, "Got a priority, but priority scheduling is not enabled.", param="priority"
)


@dataclass(frozen=True, slots=True)
class Batching:
    """What a batching stand-in does like which server."""

    profile: Profile = field(default_factory=Profile)
    lengths: LengthProfile = field(default_factory=LengthProfile)
    max_queued: int | None = None
    """Requests that wait or run before others get 503; vLLM's `--max-num-queued-reqs` counts
    both too."""
    megapixel_ms: float = 0.0
    """To prepare a million pixels; one picture at a time, before the queue."""

    def __post_init__(self) -> None:
        if self.megapixel_ms < 0 or (self.max_queued is not None and self.max_queued < 0):
            raise ValueError("neither pictures nor a queue can be less than nothing")


@dataclass(frozen=True, slots=True)
class Pacing:
    """Where an engine has its time from."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class BatchingEngine:
    """Takes requests through a scheduler in the time that passes."""

    def __init__(self, batching: Batching, tally: Tally, pacing: Pacing | None = None) -> None:
        self._batching = batching
        self._tally = tally
        self._pacing = pacing or Pacing()
        self._scheduler = Scheduler(batching.profile, self._pacing.now)
        self._lengths = Lengths(batching.lengths)
        self._queued = QueueTimes()
        self._picture_desk = asyncio.Lock()
        self._work = asyncio.Event()
        self._ends: dict[tuple[int, int], asyncio.Future[None]] = {}
        self._refused = 0

    @property
    def running(self) -> int:
        """Sequences in the batch."""
        return self._scheduler.running

    @property
    def waiting(self) -> int:
        """Sequences in the queue."""
        return self._scheduler.waiting

    @property
    def cache_use(self) -> float:
        """The share of the cache that holds tokens now."""
        return self._scheduler.cache_use

    def metrics(self) -> str:
        """The engine's, under the first model's name."""
        model = self._tally.models[0]
        return metrics_text(self._scheduler, self._queued, self._tally, model, self._refused)

    @asynccontextmanager
    async def turn(self, call: ChatCall) -> AsyncGenerator[None]:
        """Refuse at the door what would be refused later; a fault keeps no sequence."""
        if call.priority and not self._batching.profile.by_priority:
            raise Refused(_NO_PRIORITIES)
        self._admit()
        yield

    async def generate(self, call: ChatCall, hang_s: float) -> int:
        """Prepare pictures, wait, run; a fault's silence comes before all of it."""
        if hang_s:
            await self._pacing.pause(hang_s)
        length = self._length(call)
        for picture in call.pictures:
            await self._prepare(picture)
        self._admit()
        sequence = self._scheduler.add(call.prompt_tokens, length, call.priority)
        ended = self._ends[sequence.place] = asyncio.get_running_loop().create_future()
        self._work.set()
        try:
            await ended
        finally:
            del self._ends[sequence.place]
            self._scheduler.cancel(sequence)
        return length

    async def run(self) -> None:
        """Make the steps; with nothing to do, wait for a request."""
        due = self._pacing.now()
        while True:
            seconds = self._scheduler.begin()
            if seconds is None:
                self._work.clear()
                await self._work.wait()
                due = self._pacing.now()
                continue
            # by the clock and not by the pause's length, or every step would be a little too long
            due = max(due, self._pacing.now() - _CATCH_UP_S) + seconds
            await self._pacing.pause(max(0.0, due - self._pacing.now()))
            self._end_step()

    def _end_step(self) -> None:
        for sequence in self._scheduler.end():
            self._queued.observe((sequence.started_s or 0.0) - sequence.queued_s)
            ended = self._ends[sequence.place]
            if not ended.done():  # its client may have left in this very turn of the loop
                ended.set_result(None)

    def _admit(self) -> None:
        most = self._batching.max_queued
        if most is not None and self._scheduler.unfinished >= most:
            self._refused += 1
            raise Refused(_BUSY)

    def _length(self, call: ChatCall) -> int:
        """Tokens of the answer; every request takes a draw, so that the others' stay theirs."""
        most = call.max_tokens or self._batching.profile.cache_tokens
        drawn = self._lengths.draw(most)
        return most if call.ignore_eos and call.max_tokens else drawn

    async def _prepare(self, picture: Picture) -> None:
        megapixels = picture.width * picture.height / 1e6
        async with self._picture_desk:
            await self._pacing.pause(self._batching.megapixel_ms * megapixels / 1_000)
