"""Sees servers fall silent that hold our calls, and leaves them alone before those time out.

A server that hangs takes calls and answers none. Without this nobody would know before their time
is over, a minute or more; each would cost its job an attempt, and those after it would go the same
way. But such a server does not say that it is well, either. So while it has calls, and has answered
none for a while and told no load, its health is asked; when that brings nothing several times in a
row, the server is left alone. A long answer is no silence: the server says meanwhile that it is
well. At any other time nothing is asked.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from worker.errors import JobError
from worker.llm.breaker import State
from worker.llm.causes import Cause
from worker.llm.replica import Replica
from worker.llm.watching import watch_each

log = structlog.get_logger(__name__)

EVERY_S = 3.0
LOOK_S = 3.0
"""A look may take so long."""
LOOKS = 3
"""So many looks in vain are a silence, and no hiccup: some 20 seconds, half that if refused."""

_SILENT = {Cause.TIMEOUT, Cause.CONNECTION_ERROR}


class SilenceWatch:
    """Watches every server that has an address for its health.

    The others are somebody's in the cloud, and would count it as a call.

    Args:
        replicas: the servers.
        elapsed: monotonic seconds.
        chance: 0 to 1, drawn for each pause.
        left: told whenever a server is left alone.
    """

    def __init__(
        self,
        replicas: Sequence[Replica],
        elapsed: Callable[[], float],
        chance: Callable[[], float],
        left: Callable[[], None],
    ) -> None:
        self._replicas = tuple(r for r in replicas if r.preset.health_path is not None)
        self._elapsed = elapsed
        self._chance = chance
        self._left = left

    async def run(self) -> None:
        """Watch; never returns."""
        await watch_each(self._replicas, self._watch)

    async def _watch(self, replica: Replica) -> None:
        in_vain, since = 0, self._elapsed()
        while True:
            if not replica.in_flight:
                await replica.next_call()
            if not in_vain:
                since = self._elapsed()
            heard = replica.heard
            await asyncio.sleep(EVERY_S * (0.75 + 0.5 * self._chance()))
            if replica.heard != heard or not await _is_silent(replica):
                in_vain = 0
                continue
            in_vain += 1
            if in_vain >= LOOKS:
                silent_s = round(self._elapsed() - since)
                server = f"the model server at {replica.url}"
                replica.leave_alone(f"{server} has calls and has not answered for {silent_s} s")
                self._left()
                in_vain = 0


async def _is_silent(replica: Replica) -> bool:
    """Whether one look at a server that works for us brings no answer at all, good or bad."""
    if not replica.in_flight or replica.breaker.state is not State.CLOSED:
        return False
    heard = replica.heard
    try:
        await replica.client.ping(LOOK_S)
    except JobError as error:
        still = replica.heard == heard and bool(replica.in_flight)
        return error.cause in _SILENT and still
    except Exception as error:  # ours or a library's: jobs will find out, only later
        log.debug("health_not_told", server=replica.server, cause=type(error).__name__)
    return False
