"""What to take next: how much, of which job types, from the dead, from the new, or nothing now."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from redis.exceptions import RedisError

from worker.backlog import Backlog
from worker.clock import Clock
from worker.errors import Halt, Service
from worker.gates import Gate, Gates
from worker.marks import Marks
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import HANDED_BACK_MS, JobQueue
from worker.queue.redis_clients import BLOCK_MS, FATAL, OUTAGE, describe
from worker.queue.turns import Turns
from worker.reminding import Reminder
from worker.slots import Slots

log = structlog.get_logger(__name__)

_BITE = 100
"""Entries at most in a turn: a reply is in memory three times over while it is read, and what the
first need to start is free again before the last are there. A thousand at once took 10 MiB more.
"""
_ROOM_WAIT_S = 5.0
_PAUSE_S = 0.5
_OUTAGE_FIRST_S, _OUTAGE_MAX_S = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which job types to claim now."""

    ready: Sequence[str]
    """Whose services may all be asked."""
    probing: Sequence[str]
    """One job of which is to try whether a service is back: nobody here is there to do it."""
    closed: Sequence[Gate]


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a claim."""

    slots: Slots
    """How much may run."""
    backlog: Backlog
    """How much may wait for Core."""
    gates: Gates
    """Which services may be asked."""
    needs: Mapping[str, Sequence[Service]]
    """Which each job type asks."""
    marks: Marks = field(default_factory=lambda: Marks(known=True))
    """What operators have paused."""


class Claiming:
    """Decides, turn by turn, what this worker takes.

    Args:
        queue: where it is taken from.
        limits: what bounds it; there for others to look at.
        clock: time and chance.
        lease_s: after how long an entry that nobody renews is anybody's.
        turns: whose turn it is among the job types; all alike when it is left out.
    """

    def __init__(
        self,
        queue: JobQueue,
        limits: Limits,
        clock: Clock,
        *,
        lease_s: float,
        turns: Turns | None = None,
    ) -> None:
        self.limits = limits
        self._queue = queue
        self._turns = turns or Turns(dict.fromkeys(limits.needs, 1))
        self._slots = limits.slots
        self._backlog = limits.backlog
        self._gates = limits.gates
        self._needs = limits.needs
        self._marks = limits.marks
        self._clock = clock
        self._lease_s = lease_s
        self._started = clock.elapsed()
        self._reclaim_at = 0.0
        self._outages = 0
        self._reminder = Reminder(clock.elapsed)
        self._heeded = self._marks.paused
        self._paused = ""
        self._stopped = False

    def stop(self) -> None:
        """Take nothing from now on."""
        self._stopped = True

    async def next(self) -> list[ClaimedEntry]:
        """One turn: entries to start now, often none; waits where there is nothing to do.

        Raises:
            Halt: Redis will never serve this worker.
        """
        self._gates.remind()
        try:
            entries = await self._claim()
        except FATAL as error:
            raise Halt(f"Redis refuses this worker: {describe(error)}") from None
        except OUTAGE as error:
            await self._sit_out(error)
            return []
        except RedisError as error:  # a wrong type under our key, a server without these commands
            raise Halt(f"Redis cannot serve this worker: {describe(error)}") from None
        if self._outages:
            log.info("redis_back", doing="claim", failures=self._outages)
            self._outages = 0
            self._reminder.over()
        return entries

    # ---------------------------------------------------------------------- steps

    async def _claim(self) -> list[ClaimedEntry]:
        room = min(await self._slots.wait_for_room(_ROOM_WAIT_S), _BITE)
        if not room or self._stopped:
            return []
        if not self._marks.known:  # a moment, at the start: what is paused is not yet read
            await asyncio.sleep(_PAUSE_S / 10)
            return []
        if self._backlog.is_full:
            many = f"{self._backlog.outcomes} outcomes ({self._backlog.bytes:,} bytes)"
            why = self._gates[Service.CORE].why
            self._say_paused("core", f"{many} wait for Core" + (f": {why}" if why else ""))
            await self._backlog.wait_for_room(_PAUSE_S)
            return []
        choice = self._choose()
        # Where some types may be taken still, the services' own lines are all there is to say.
        closed = () if choice.ready else choice.closed
        self._say_paused("services", "; ".join(sorted({gate.why for gate in closed})))
        if self._reclaim_is_due():
            # What dead workers left comes before new work, or a busy fleet would never get to it.
            found = await self._reclaim(room, choice)
            if (
                found or self._marks.paused != self._heeded
            ):  # heard meanwhile: all is to be asked anew
                return found
        return await self._claim_new(room, choice)

    async def _claim_new(self, room: int, choice: _Choice) -> list[ClaimedEntry]:
        if choice.ready and not choice.closed:
            until_reclaim_ms = int((self._reclaim_at - self._clock.elapsed()) * 1_000)
            return await self._take(room, choice.ready, max(0, min(BLOCK_MS, until_reclaim_ms)))
        # Without blocking: a gate may open meanwhile.
        found = await self._take(1, choice.probing)
        found = found or await self._take(room, choice.ready)
        if not found:
            await asyncio.sleep(_PAUSE_S)
        return found

    async def _take(
        self, room: int, job_types: Sequence[str], block_ms: int = 0
    ) -> list[ClaimedEntry]:
        order = self._turns.order(room, job_types)
        found = await self._queue.claim(room, block_ms=block_ms, order=order)
        self._turns.took(entry.job_type for entry in found)
        return alike_together(found)

    def _choose(self) -> _Choice:
        paused = self._marks.paused.types
        closed = {
            name: self._gates.closed(needs)
            for name, needs in self._needs.items()
            if name not in paused
        }
        return _Choice(
            ready=[name for name, gates in closed.items() if not gates],
            probing=[
                n for n, gates in closed.items() if gates and all(g.wants_probe for g in gates)
            ],
            closed=[gate for gates in closed.values() for gate in gates],
        )

    def _say_paused(self, obstacle: str, why: str) -> None:
        """Say that nothing at all is taken, and when that is over; once for each obstacle."""
        obstacle = obstacle if why else ""
        if obstacle != self._paused:
            if why:
                log.warning("claiming_paused", why=why)
            else:
                log.info("claiming_resumed")
        self._paused = obstacle

    def _reclaim_is_due(self) -> bool:
        # What is resumed may have been handed back, and its tenants have no turn: so look at once.
        now, heeded = self._clock.elapsed(), self._heeded
        self._heeded = self._marks.paused
        if now < self._reclaim_at and heeded == self._heeded:
            return False
        self._reclaim_at = now + self._lease_s / 4 * (0.7 + 0.6 * self._clock.jitter())
        return True

    async def _reclaim(self, room: int, choice: _Choice) -> list[ClaimedEntry]:
        # Idle times grew while Redis was away, so every lease looks expired, the live ones too:
        # their holders are given a whole lease to renew. A worker that has just started may have
        # missed such an outage. What was handed back says so by its idle time and is free at once.
        since = max(self._started, self._queue.last_outage)
        quiet = self._clock.elapsed() - since >= self._lease_s
        idle_ms = int(self._lease_s * 1_000) if quiet else HANDED_BACK_MS
        found = await self._queue.reclaim(room, idle_ms=idle_ms, unanswered=choice.ready)
        if not found and choice.probing:
            found = await self._queue.reclaim(1, idle_ms=idle_ms, unanswered=choice.probing)
        if found:
            log.info("reclaimed", entries=len(found))
        if len(found) >= room:
            self._reclaim_at = 0.0  # there may be more: look again as soon as there is room
        return found

    async def _sit_out(self, error: Exception) -> None:
        if (away_s := self._reminder.due_s()) is not None:
            log.warning("redis_unavailable", doing="claim", away_s=away_s, error=describe(error))
        wait_s = min(_OUTAGE_FIRST_S * 2.0 ** min(self._outages, 10), _OUTAGE_MAX_S)
        self._outages += 1
        await asyncio.sleep(wait_s * (0.5 + self._clock.jitter() / 2))


def alike_together(entries: Sequence[ClaimedEntry]) -> list[ClaimedEntry]:
    """What starts at the same time, so that prompts that begin alike reach the model in a row.

    Their beginnings are then in its cache. Of each type those with a deadline stay in front.
    """
    types = {name: number for number, name in enumerate(dict.fromkeys(e.job_type for e in entries))}

    def place(entry: ClaimedEntry) -> tuple[int, bool, bytes]:
        is_free = b"deadline" not in entry.fields
        return types[entry.job_type], is_free, entry.fields.get(b"user_id", b"") if is_free else b""

    return sorted(entries, key=place)
