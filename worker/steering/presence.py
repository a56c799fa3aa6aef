"""A worker tells of itself every few seconds, and hears by the same script what is marked.

A message on the control channel makes it do so at once. Without the rights for it a worker works
all the same: nobody sees it, and nobody can pause or cancel its jobs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

import structlog
from redis.exceptions import RedisError

from shared.enums import JobType
from shared.redis_streams import Keys, StreamClient
from worker.clock import Clock
from worker.marks import CANCELLED_KEPT_S, Marks
from worker.queue.redis_clients import FATAL, OUTAGE, describe
from worker.queue.scripts import BEAT
from worker.queue.write_probe import nowhere
from worker.reminding import Reminder
from worker.steering.last_word import say_halted
from worker.steering.portrait import sketched
from worker.steering.roster import WorkerFacts, dump_facts, load_facts
from worker.steering.tide import Tide

log = structlog.get_logger(__name__)

_UNKNOWN_EVERY_S = 0.5
_REFUSED_EVERY_S = 60.0
_GAP_S = 0.1
"""Between two beats at least, however many messages there are."""
_TIDY_EVERY_S = 600.0
_GONE_AFTER_S = 3_600.0
_SHOWN_CHARS = 200
_OVERLAP_MS = 60_000
"""The clock of a server that took over may be behind: the marks of a minute are read again."""


class Presence:
    """Keeps this worker's place among the others.

    Args:
        client: whose server; each beat is one script.
        keys: the names there.
        consumer: this worker's.
        facts: what it is like now.
        marks: what it hears.
        clock: time and chance.
    """

    def __init__(
        self,
        client: StreamClient,
        keys: Keys,
        consumer: str,
        facts: Callable[[], WorkerFacts],
        marks: Marks,
        clock: Clock,
    ) -> None:
        self._client = client
        self._keys = keys
        self._consumer = consumer
        self._facts = facts
        self._marks = marks
        self._clock = clock
        self._since_ms = 0
        self._is_refused = False
        self._absence, self._fullness = Reminder(clock.elapsed), Reminder(clock.elapsed)
        self._tidy_at = clock.elapsed() + _TIDY_EVERY_S * clock.jitter()
        self._nudged = asyncio.Event()
        self._streams = [keys.stream(job_type) for job_type in JobType]
        self._tide = Tide()

    def nudge(self) -> None:
        """Beat soon: somebody has paused, resumed or cancelled something."""
        self._nudged.set()

    async def run(self, heard: Callable[[bool], Awaitable[None]], every_s: float) -> None:
        """Beat until cancelled.

        Args:
            heard: told after each beat that got through whether something else is paused now.
            every_s: seconds, with jitter.
        """
        while True:
            paused = self._marks.paused
            if await self.beat():
                await heard(self._marks.paused != paused)
            await asyncio.sleep(_GAP_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s(every_s)):
                    await self._nudged.wait()
            self._nudged.clear()

    async def beat(self) -> bool:
        """Tell and hear once; whether it went through."""
        marks = [self._keys.workers, self._keys.paused, self._keys.cancelled]
        keys = [*marks, nowhere(self._keys), *self._streams]
        facts = self._facts().model_copy(update={"before": self._tide.before()})
        args = [self._consumer, dump_facts(facts), max(0, self._since_ms - _OVERLAP_MS)]
        try:
            reply = await BEAT(self._client, keys, args)
            await self._tidy()
        except FATAL as error:
            self._refused(error)
        except OUTAGE as error:
            self._away(error)
        except RedisError as error:
            self._refused(error)
        else:
            self._hear(cast("list[Any]", reply))
            return True
        return False

    async def leave(self) -> None:
        """Be no longer among the others."""
        await self._client.execute_command("HDEL", self._keys.workers, self._consumer)

    async def halt(self, why: str) -> None:
        """Say as the last word why this worker cannot go on.

        Raises:
            RedisError, OSError: Redis is away, or refuses.
        """
        facts = self._facts()
        who = sketched(facts.job_types, facts.started_at)
        who = who.model_copy(update={"halted_at": self._clock.now()})
        await say_halted(self._client, self._keys, self._consumer, who, why)

    # ---------------------------------------------------------------------- steps

    def _hear(self, reply: Sequence[Any]) -> None:
        now_ms, paused, cancelled, refused, lengths = reply
        self._taken(cast("bytes", refused).decode(errors="replace")[:_SHOWN_CHARS])
        if self._absence.over():
            log.info("redis_back", doing="hear marks")
        self._since_ms = int(now_ms)
        self._tide.note(int(now_ms) / 1_000, dict(zip(map(str, JobType), lengths, strict=True)))
        self._is_refused = False
        self._marks.heed(
            (name.decode(errors="replace") for name in paused[::2]), _moments(cancelled)
        )
        self._marks.forget(now_ms - CANCELLED_KEPT_S * 1_000)

    def _taken(self, refused: str) -> None:
        """Say what nobody else here would notice: work goes on, but nothing new can come."""
        if not refused:
            if self._fullness.over():
                log.info("redis_takes_writes_again")
        elif (for_s := self._fullness.due_s()) is not None:
            fix = "llm-worker check"
            log.warning("redis_takes_no_writes", for_s=for_s, error=refused, fix=fix)

    def _away(self, error: Exception) -> None:
        self._since_ms = 0  # who takes over may not have what we have read
        if self._marks.known:
            return  # the claim loop speaks of it
        if (away_s := self._absence.due_s()) is not None:
            why = describe(error)
            log.warning("redis_unavailable", doing="hear marks", away_s=away_s, error=why)

    def _refused(self, error: Exception) -> None:
        if not self._is_refused:
            fix = "docs/redis.md has the rights for it"
            log.warning("not_steerable", error=describe(error), fix=fix)
        self._is_refused = True
        self._marks.known = True

    def _pause_s(self, every_s: float) -> float:
        if not self._marks.known:
            return _UNKNOWN_EVERY_S
        if self._is_refused:
            every_s = _REFUSED_EVERY_S
        return every_s * (0.8 + 0.4 * self._clock.jitter())

    async def _tidy(self) -> None:
        """Now and then: forget workers that were killed, and marks that have served."""
        if self._clock.elapsed() < self._tidy_at:
            return
        self._tidy_at = self._clock.elapsed() + _TIDY_EVERY_S
        command = self._client.execute_command
        reply = cast("tuple[int, int]", await command("TIME"))
        now_s = int(reply[0])
        oldest_ms = int((now_s - CANCELLED_KEPT_S) * 1_000)
        await command("ZREMRANGEBYSCORE", self._keys.cancelled, "-inf", oldest_ms)
        told = cast("dict[bytes, bytes]", await command("HGETALL", self._keys.workers))
        gone = [name for name, raw in told.items() if _told_at(raw) < now_s - _GONE_AFTER_S]
        if gone:
            await command("HDEL", self._keys.workers, *gone)


def _moments(flat: Sequence[bytes]) -> Iterator[tuple[str, float]]:
    for job_id, moment in zip(flat[::2], flat[1::2], strict=True):
        yield job_id.decode(errors="replace"), float(moment)


def _told_at(raw: bytes) -> float:
    facts = load_facts(raw)
    return 0.0 if facts is None else facts.at
