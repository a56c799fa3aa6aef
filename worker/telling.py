"""Tells on the events' stream what comes before a job's end: seen, started, retried.

This is information, no promise: it costs no job any time. What happens while the last batch is on
its way, and in the rest after it, makes the next one; when more waits than there is room for, or
Redis is away, it is left out and counted.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from shared.events import EventName, JobEvent, encode_event
from shared.redis_streams import Keys, StreamClient
from worker.events import event_of, why
from worker.job import Job
from worker.outcome import Completed, Outcome
from worker.queue.redis_clients import describe
from worker.queue.scripts import TELL
from worker.retry import Retry, Wait

log = structlog.get_logger(__name__)

WAITING_MAX = 5_000
"""Events that wait to be written, some 2 MB."""
BATCH_MAX = 500
_REST_S = 0.1
_AGAIN_AFTER_S = 1.0
_LAST_WORDS_S = 1.0


class Telling:
    """A `Witness` that writes events; `run` must be running for them to get anywhere.

    Args:
        client: where commands are sent.
        keys: the names in Redis.
        worker: this worker's name in the group.
        kept: about how many events the stream keeps.
        now: Unix seconds.

    Attributes:
        dropped: events that could not be told.
    """

    def __init__(
        self,
        client: StreamClient,
        keys: Keys,
        worker: str,
        *,
        kept: int,
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._key = keys.events
        self._worker = worker
        self._kept = kept
        self._now = now
        self._waiting: deque[JobEvent] = deque()
        self._there_is_some = asyncio.Event()
        self._away = False
        self.dropped = 0

    # ------------------------------------------------------------------ the steps

    def seen(self, job: Job) -> None:
        """A job that no worker has had before."""
        if job.entry.deliveries == 1 and not job.entry.taken_from:
            self._add(event_of(job, EventName.SEEN, self._now(), worker=self._worker))

    def started(self, job: Job) -> None:
        """A try of its handler."""
        event = event_of(
            job,
            EventName.STARTED,
            self._now(),
            attempt=job.attempts + 1,
            deliveries=job.entry.deliveries,
            worker=self._worker,
        )
        self._add(event)

    def retried(self, job: Job, why: Retry | Wait) -> None:
        """A try that was spent; one that only waits for a service is none."""
        if isinstance(why, Retry):
            after_ms, cause = round(why.after_s * 1_000), why.cause or None
            event = event_of(job, EventName.RETRIED, self._now(), after_ms=after_ms, cause=cause)
            self._add(event)

    def told(self, job: Job, outcome: Outcome) -> None:
        """Core's knowledge of the end."""
        name = EventName.DELIVERED if isinstance(outcome, Completed) else EventName.FAILED
        llm_ms = round(job.usage.llm_s * 1_000)
        self._add(event_of(job, name, self._now(), llm_ms=llm_ms, **why(outcome)))

    def ended(self, job: Job, outcome: Outcome) -> None:
        """The scripts that end it have told it."""

    def left(self, job: Job, how: str) -> None:
        """Somebody else will tell the rest."""

    # ------------------------------------------------------------------ to Redis

    async def run(self) -> None:
        """Write what has gathered, until cancelled."""
        while True:
            await self._there_is_some.wait()
            if not await self._write():
                await asyncio.sleep(_AGAIN_AFTER_S)
            elif len(self._waiting) < BATCH_MAX:
                await asyncio.sleep(_REST_S)

    async def finish(self) -> None:
        """Write what is left, if that is quickly done: the worker is stopping."""
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                while self._waiting and await self._write():
                    pass
        except TimeoutError:
            log.debug("events_left_untold", events=len(self._waiting))

    def _add(self, event: JobEvent) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._drop(1, "more than can wait")
            return
        self._waiting.append(event)
        self._there_is_some.set()

    async def _write(self) -> bool:
        """Write one batch; whether Redis took it."""
        count = min(len(self._waiting), BATCH_MAX)
        batch = [_packed(self._waiting.popleft()) for _ in range(count)]
        if not self._waiting:
            self._there_is_some.clear()
        try:
            await TELL(self._client, [self._key], [self._kept, *batch])
        except Exception as error:  # whatever it is, no event is worth a worker
            self._drop(count, describe(error))
            return False
        if self._away and not self._waiting:  # not with each batch, when there is too much of it
            self._away = False
            log.info("events_told_again", dropped_in_all=self.dropped)
        return True

    def _drop(self, count: int, why: str) -> None:
        self.dropped += count
        if not self._away:
            self._away = True
            log.warning("events_dropped", dropped_in_all=self.dropped, why=why)


def _packed(event: JobEvent) -> str:
    """As `tell.lua` takes it; no field holds the separator."""
    return "".join(f"{name}\x1f{value}\x1f" for name, value in encode_event(event).items())
