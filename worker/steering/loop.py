"""This worker among the others: how it tells of itself, and hears from operators."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from shared.redis_streams import Keys
from worker.clock import Clock
from worker.config import Settings
from worker.consumer import Hands, Report
from worker.lifecycle import Shutdown
from worker.outside import Outside
from worker.queue.redis_clients import OUTAGE
from worker.steering.control_channel import ControlChannel
from worker.steering.portrait import Portrait, Sitter
from worker.steering.presence import Presence
from worker.steering.roster import WorkerFacts

log = structlog.get_logger(__name__)

_BEAT_EVERY_S = 5.0
_TENANTS_NAMED = 20


@dataclass(frozen=True, slots=True)
class Steering:
    """What tells and what hears; made by `build_steering`.

    Attributes:
        report: the report of ended jobs, counted for the worker's portrait too.
        presence: how the worker tells of itself.
        facts: what it tells.
    """

    report: Report
    presence: Presence
    channel: ControlChannel
    facts: Callable[[], WorkerFacts]

    def loops(self, hands: Hands) -> tuple[Coroutine[Any, Any, None], ...]:
        """To be run beside the consumer, until cancelled."""
        beats = self.presence.run(_heeding(hands), _BEAT_EVERY_S)
        return beats, self.channel.listen(self.presence.nudge)


def build_steering(
    settings: Settings, outside: Outside, hands: Hands, shutdown: Shutdown, clock: Clock
) -> Steering:
    """All of it, on the connections that there are."""
    limits, keys = hands.claiming.limits, Keys(settings.llm_stream_prefix)
    sitter = Sitter(hands.leases, limits, outside.router, shutdown.drain.is_set)
    portrait = Portrait(sitter, settings.worker_job_types, clock)
    client, name = outside.redis.commands, hands.queue.consumer
    presence = Presence(client, keys, name, portrait.taken, limits.marks, clock)
    channel = ControlChannel(settings.redis_url, keys.control, clock)
    return Steering(portrait.counting(outside.report), presence, channel, portrait.taken)


def _heeding(hands: Hands) -> Callable[[bool], Awaitable[None]]:
    """What follows when marks were read: cancelled jobs are cut off, paused ones not tried again, a
    read is made anew.
    """
    marks = hands.claiming.limits.marks

    async def heed(paused_changed: bool) -> None:
        marks.interrupt(hands.leases)
        if paused_changed:
            marks.stop(hands.leases)
            types, tenants = sorted(marks.paused.types), sorted(marks.paused.tenants)
            some = tenants[:_TENANTS_NAMED]
            log.warning("paused_by_operator", job_types=types, tenants=some, of=len(tenants))
            with suppress(*OUTAGE):  # then the read ends by its own timeout
                await hands.queue.nudge()

    return heed
