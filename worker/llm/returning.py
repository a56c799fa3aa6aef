"""Sees servers come back that are left alone, so that nobody waits for the breaker's time.

A breaker waits longer and longer. A look at a server's health costs nobody anything, so while it is
left alone there is one about once a second: a little more or less, as many workers look at the same
server. What a look means is the breaker's to say: it tells a server that was away from one that is
there and answers badly. At any other time nothing is asked and nothing runs.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from worker.errors import JobError
from worker.llm.replica import Replica
from worker.llm.watching import watch_each

log = structlog.get_logger(__name__)

EVERY_S = 1.0
LOOK_S = 2.0
"""A look may take so long: of a machine that is gone nothing comes back, not even a refusal."""


class ReturnWatch:
    """Watches every server that has an address for its health.

    The others are somebody's in the cloud, and would count it as a call: there it is the breaker's
    time that counts.

    Args:
        replicas: the servers.
        chance: 0 to 1, drawn for each pause.
        back: told whenever one that was left alone may be tried.
    """

    def __init__(
        self, replicas: Sequence[Replica], chance: Callable[[], float], back: Callable[[], None]
    ) -> None:
        self._replicas = tuple(r for r in replicas if r.preset.health_path is not None)
        self._chance = chance
        self._back = back

    async def run(self) -> None:
        """Watch; never returns."""
        await watch_each(self._replicas, self._watch)

    async def _watch(self, replica: Replica) -> None:
        while True:
            await replica.left_alone()
            while replica.breaker.due_in_s:
                await _look(replica)
                pause_s = EVERY_S * (0.75 + 0.5 * self._chance())
                await asyncio.sleep(min(pause_s, replica.breaker.due_in_s))
            replica.tell()  # those who wait for a verdict of others look again
            self._back()


async def _look(replica: Replica) -> None:
    """Ask one server once; what is neither good health nor bad says nothing."""
    try:
        await replica.client.ping(LOOK_S)
    except JobError as error:
        if replica.ails(error):
            replica.breaker.seen(well=False)
    except Exception as error:  # ours or a library's: jobs will find out, only later
        log.debug("health_not_told", server=replica.server, cause=type(error).__name__)
    else:
        replica.breaker.seen(well=True)
