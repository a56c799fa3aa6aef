"""Four bugs to plant into the engine: a simulation that does not find them proves nothing."""

import hashlib
from contextlib import AbstractContextManager
from unittest import mock

from tests.simulation.redis_server import SCRIPT_NAMES
from worker import hands
from worker.delivery import Delivery
from worker.job import Job
from worker.outcome import Failed, Outcome, dump_outcome
from worker.queue import job_queue, stream_reader
from worker.queue.scripts import Script

_OWNER_CHECK = "if #pending == 1 then"


class _Altered(Script):
    """A script with some of its text replaced."""

    def __init__(self, name: str, *changes: tuple[str, str], after: tuple[str, ...] = ()) -> None:
        super().__init__(name, after=after)
        for old, new in changes:
            assert old in self.source, f"{name}.lua has changed: {old!r} is not in it"
            self.source = self.source.replace(old, new)
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        SCRIPT_NAMES[self.sha] = name


class _PatchesFirst(Delivery):
    """Delivers an outcome, and writes it down when that is done."""

    async def _record(self, job: Job, raw: bytes) -> None:
        del job, raw

    async def _to_core(self, job: Job, outcome: Outcome) -> Failed | None:
        refused = await super()._to_core(job, outcome)
        await super()._record(job, dump_outcome(outcome))
        return refused


def settle_without_the_fence() -> AbstractContextManager[object]:
    """Whoever settles an entry is believed that it is his."""
    return mock.patch.object(
        job_queue, "SETTLE", _Altered("settle", (_OWNER_CHECK, "if true then"))
    )


def reclaim_of_live_leases() -> AbstractContextManager[object]:
    """Whatever is pending is taken for left behind."""
    idle = ("'IDLE', ARGV[3]", "'IDLE', 0")
    claim = ("ARGV[2], ARGV[3], id)", "ARGV[2], 0, id)")
    altered = _Altered("reclaim", idle, claim, after=("tickets", "paused"))
    return mock.patch.object(job_queue, "RECLAIM", altered)


def pauses_unheard() -> AbstractContextManager[object]:
    """What is new is taken, whoever has paused it."""
    deaf = (
        "local function is_paused(tenant)",
        "local function is_paused() return false end\nlocal _ = function(tenant)",
    )
    altered = _Altered("claim", deaf, after=("tickets", "paused"))
    return mock.patch.object(stream_reader, "CLAIM", altered)


def patch_before_record() -> AbstractContextManager[object]:
    """Core hears of an outcome that a crash would still undo."""
    return mock.patch.object(hands, "Delivery", _PatchesFirst)
