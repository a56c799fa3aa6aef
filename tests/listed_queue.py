"""A queue whose entries lie in lists, for tests of what is claimed when."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.turns import Order


@dataclass
class Taken:
    """One call: how many at most, of which job types; for how long or how idle."""

    verb: str
    room: int
    job_types: set[str] | None
    ms: int
    order: Order | None = None


@dataclass
class ListedQueue:
    """A queue whose entries lie in lists; writes down how it was asked."""

    new: list[ClaimedEntry] = field(default_factory=list[ClaimedEntry])
    dead: list[ClaimedEntry] = field(default_factory=list[ClaimedEntry])
    errors: list[Exception] = field(default_factory=list[Exception])
    last_outage: float = -1e9
    calls: list[Taken] = field(default_factory=list[Taken])

    async def claim(
        self, room: int, *, block_ms: int, order: Order | None = None
    ) -> list[ClaimedEntry]:
        """New entries."""
        job_types = None if order is None else order.shares
        self.calls.append(Taken("claim", room, names(job_types), block_ms, order))
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        fit = [e for e in self.new if job_types is None or e.job_type in job_types]
        return take(self.new, fit[:room])

    async def reclaim(
        self, room: int, *, idle_ms: int, unanswered: Collection[str] | None = None
    ) -> list[ClaimedEntry]:
        """Old ones; with an outcome any, else only of these job types."""
        self.calls.append(Taken("reclaim", room, names(unanswered), idle_ms))
        wanted = unanswered or ()
        fit = [e for e in self.dead if e.outcome is not None or e.job_type in wanted]
        return take(self.dead, fit[:room])

    def asked(self, verb: str) -> list[Taken]:
        """The calls of one kind, and forget them all."""
        found = [call for call in self.calls if call.verb == verb]
        self.calls.clear()
        return found


def names(job_types: Collection[str] | None) -> set[str] | None:
    """As a set, which is comparable."""
    return None if job_types is None else set(job_types)


def take(out_of: list[ClaimedEntry], found: Sequence[ClaimedEntry]) -> list[ClaimedEntry]:
    """Take some out of a list."""
    for entry in found:
        out_of.remove(entry)
    return list(found)
