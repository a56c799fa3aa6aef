"""A whole game day: jobs come in, one thing after the other breaks, then the account."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from drills.account import Account, cast_up
from drills.backlog import Backlog
from drills.books import read_books
from drills.desk import Desk, clock
from drills.feed import Feed
from drills.incidents import Kind
from drills.keeping import keep_running
from drills.rounds import Played, play
from drills.site import Site
from shared.redis_streams import Keys
from worker.queue.redis_clients import connect

_USUAL_S = 3.0
"""What comes in within so many seconds is no backlog."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen.

    Attributes:
        incidents: what breaks, in this order.
        seed: of the jobs.
        quiet_s: how long nothing is broken before each incident.
        rate: jobs a second.
        patience_s: how long the queue may take to come down afterwards.
    """

    incidents: Sequence[Kind]
    seed: int
    quiet_s: float = 60.0
    rate: float = 5.0
    patience_s: float = 600.0


async def run_game(plan: Plan, site: Site, desk: Desk) -> tuple[list[Played], Account]:
    """Play every round on a site that runs; returns how they went, and the jobs' account."""
    desk.answers.begin()
    keys, clients = Keys(), connect(site.stack.redis.url)
    try:
        feed = Feed(clients.commands, keys, plan.rate, plan.seed)
        backlog = Backlog(clients.commands, keys, round(plan.rate * _USUAL_S))
        async with _beside(keep_running(site.workers, site.restarts_file)):
            async with _beside(feed.run()):
                played = [r async for r in _rounds(plan, site, desk, backlog)]
            desk.say("\nNo more jobs come in; the last ones end …")
            await backlog.is_empty(site, plan.patience_s)
            books = await read_books(site.core_database, clients.commands, keys)
        return played, cast_up(feed.enqueued, books)
    finally:
        await clients.close()


async def _rounds(
    plan: Plan, site: Site, desk: Desk, backlog: Backlog
) -> AsyncGenerator[Played, None]:
    for number, kind in enumerate(plan.incidents, 1):
        desk.say(
            f"\n[bold]Round {number} of {len(plan.incidents)}[/], {clock()}: all is well. "
            f"Something will break in {plan.quiet_s:.0f} s; have a look at how it is before."
        )
        await backlog.watch(plan.quiet_s)
        yield await play(kind, site, desk, backlog, plan.patience_s)


@asynccontextmanager
async def _beside(work: Coroutine[object, object, None]) -> AsyncGenerator[None]:
    """Something endless that runs while the block does, whose failure is the block's."""
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            yield
            task.cancel()
    except ExceptionGroup as failures:  # whoever waits for a single one is to get it
        raise failures.exceptions[0] from failures
