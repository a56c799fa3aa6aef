"""What the page reads: from Redis, in time or not at all, and from the worker itself."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, replace
from typing import TypeVar

from redis.exceptions import RedisError, ResponseError

from shared.redis_streams import Keys, StreamClient
from worker.clock import Clock
from worker.operations.finding import EntryPlace
from worker.operations.fleet import Worker
from worker.operations.graveyard import Found, Wanted, glance, leaf
from worker.operations.hints import Hint, Pauses, hints
from worker.operations.letters import Letters, read_letters
from worker.operations.pluck import Plucking
from worker.operations.recent import RecentJob, read_recent
from worker.operations.snapshot import Snapshot, take_snapshot
from worker.operations.story import Story, tell_story
from worker.operations.streams import server_now
from worker.operations.tenants import TenantsWaiting
from worker.page.lately import Lately
from worker.queue.dead_letters import DeadLetter, DeadLetters
from worker.queue.redis_clients import FATAL, describe, unreached
from worker.steering.roster import WorkerFacts

T = TypeVar("T")

PATIENCE_S = 4.0
"""A viewer is told within this time that Redis does not answer."""
STORY_LOOKS_AT = 20_000
"""Entries of each stream that are searched for a job; `llm-worker job` looks at more."""
SHOWN_BYTES = 1 << 20
"""A letter or entry with more is not fetched to be shown."""


class Away(Exception):
    """Redis does not answer, or not in time, or refuses; `str()` says it in a sentence."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at one moment; `away`: why there is only this worker to be seen."""

    snapshot: Snapshot
    recent: tuple[RecentJob, ...]
    away: str = ""


class Looking:
    """Reads, shared by all who look.

    Args:
        client: a client of the page's own: a viewer takes no connection from the jobs.
        keys: the names in Redis.
        me: this worker's name in the group.
        facts: what this worker knows of itself.
        clock: whose time.
    """

    def __init__(
        self,
        client: StreamClient,
        keys: Keys,
        me: str,
        facts: Callable[[], WorkerFacts],
        clock: Clock,
    ) -> None:
        self.client, self.keys, self.me = client, keys, me
        self._facts = facts
        self._clock = clock
        self.lately = Lately(clock.elapsed)

    async def overview(self) -> Overview:
        """Streams, workers, jobs, letters; where Redis is away, this worker."""
        try:
            return await self._shared("overview", self._overview)
        except Away as away:
            return self._alone(str(away))

    async def letters(self, wanted: Wanted, upto: str, most: int) -> Found:
        """Some dead letters.

        Raises:
            Away: Redis does not answer.
        """
        key = ("letters", wanted, upto, most)
        return await self._shared(
            key, lambda: leaf(self.client, self.keys, wanted, upto=upto, most=most)
        )

    async def deaths(self) -> Letters:
        """Of what the newest letters died.

        Raises:
            Away: Redis does not answer.
        """

        async def read() -> Letters:
            return await read_letters(self.client, self.keys, await server_now(self.client))

        return await self._shared("deaths", read)

    async def letter(self, letter_id: str, *, whole: bool) -> tuple[DeadLetter, int] | None:
        """One letter and its size; with its payload where it is not too large to show.

        Raises:
            Away: Redis does not answer.
        """

        async def read() -> tuple[DeadLetter, int] | None:
            found = await glance(self.client, self.keys, letter_id)
            if found is None or not whole or found[1] > SHOWN_BYTES:
                return found
            letter = await DeadLetters(self.client, self.keys).get(letter_id)
            return None if letter is None else (letter, found[1])

        return await self._shared(("letter", letter_id, whole), read)

    async def story(self, wanted: str) -> Story:
        """A job's story, as far as it is found within bounds.

        Raises:
            Away: Redis does not answer.
        """

        async def read() -> Story:
            return await tell_story(self.client, self.keys, wanted, look_at=STORY_LOOKS_AT)

        return await self._shared(("story", wanted), read)

    async def payload(self, place: EntryPlace) -> str | None:
        """An entry's payload; None where there is none to show.

        Raises:
            Away: Redis does not answer.
        """
        stream, only = self.keys.stream(place.job_type), (place.entry_id, place.entry_id)

        async def read() -> str | None:
            glanced = Plucking(self.client, stream, (), within=only)
            if not [row async for row in glanced.rows()] or glanced.size > SHOWN_BYTES:
                return None
            async for row in Plucking(self.client, stream, ("payload",), within=only).rows():
                return row.fields.get("payload")
            return None

        return await self._shared(("payload", place.job_type, place.entry_id), read)

    async def in_time(self, work: Awaitable[T], patience_s: float | None = None) -> T:
        """Do something at Redis, within `PATIENCE_S` where nothing else is said.

        Raises:
            Away: it does not answer, or refuses.
        """
        patience_s = PATIENCE_S if patience_s is None else patience_s
        try:
            async with asyncio.timeout(patience_s):
                return await work
        except FATAL as error:
            raise Away(f"Redis refuses this worker's user: {describe(error)}") from None
        except ResponseError as error:  # it is full, say
            raise Away(f"Redis refuses this: {describe(error)}") from None
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            said = unreached(error) if str(error) else f"no answer within {patience_s:g} s"
            raise Away(f"Redis does not answer: {said}") from None

    async def _shared(self, key: Hashable, at: Callable[[], Awaitable[T]]) -> T:
        # Within its turn, and the turn itself: with many who wait for a Redis that hangs, the last
        # is told as soon as the first.
        look = self.lately.look(key, lambda: self.in_time(at()))
        return await self.in_time(look, PATIENCE_S + 1)

    async def _overview(self) -> Overview:
        snapshot = await take_snapshot(self.client, self.keys)
        # Redis may have no memory for its row; who renders this lives.
        workers = tuple(
            self._myself(w.facts.at) if w.name == self.me else w for w in snapshot.workers
        )
        snapshot = replace(snapshot, workers=workers)
        return Overview(snapshot, await read_recent(self.client, self.keys))

    def _myself(self, at: float) -> Worker:
        return Worker(self.me, self._facts().model_copy(update={"at": at}), 0.0, silent=False)

    def _alone(self, away: str) -> Overview:
        now, nothing = self._clock.now(), Letters(0, 0, ())
        worker = self._myself(now)
        first = Hint(away, "llm-worker check")
        odd = (first, *hints((), [worker], Pauses(), nothing, now))
        snapshot = Snapshot(now, (), (worker,), nothing, {}, TenantsWaiting(), odd)
        return Overview(snapshot, (), away)
