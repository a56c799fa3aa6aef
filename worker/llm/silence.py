"""Sees servers fall silent that hold our calls, and leaves them alone before those time out.

A server that hangs takes calls and answers none. Without this nobody would know before their time
is over, a minute or more; each would cost its job an attempt, and those after it would go the same
way. There are two ways to hang. Its API hangs: then it does not say that it is well, either. So
while it has calls, and has answered none for a while, its health is asked, and after several looks
in a row that bring nothing it is left alone. Or only the engine behind its API does, while health
and `/metrics` are answered as ever: then its counts of tokens stand still (vLLM 0.32 with a frozen
engine: health 200, nothing running, nothing waiting). That takes longer to be sure of, as a long
prompt counts only once it is read. A long answer is no silence. Where nothing is under way, nothing
is asked.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum

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


class _Sign(Enum):
    """What there was of a server between two moments."""

    WORK = "it has answered, or has nothing to answer"
    LIFE = "it says how it is, and no more"
    NOTHING = "not a word"


class SilenceWatch:
    """Watches every server that has an address for its health.

    The others are somebody's in the cloud, and would count it as a call.

    Args:
        replicas: the servers.
        elapsed: monotonic seconds.
        chance: 0 to 1, drawn for each pause.
        stall_s: for so long a server that has calls may tell that it has done nothing.
        left: told whenever a server is left alone.
    """

    def __init__(
        self,
        replicas: Sequence[Replica],
        elapsed: Callable[[], float],
        chance: Callable[[], float],
        stall_s: float,
        left: Callable[[], None],
    ) -> None:
        self._replicas = tuple(r for r in replicas if r.preset.health_path is not None)
        self._elapsed = elapsed
        self._chance = chance
        self._stall_s = stall_s
        self._left = left

    async def run(self) -> None:
        """Watch; never returns."""
        await watch_each(self._replicas, self._watch)

    async def _watch(self, replica: Replica) -> None:
        in_vain, since = 0, self._elapsed()
        while True:
            if not replica.in_flight:
                await replica.next_call()
                since = self._elapsed()
            heard = replica.heard
            await asyncio.sleep(EVERY_S * (0.75 + 0.5 * self._chance()))
            sign = await _sign(replica, heard)
            in_vain = in_vain + 1 if sign is _Sign.NOTHING else 0
            since = self._elapsed() if sign is _Sign.WORK else since
            is_late = self._elapsed() - since >= self._stall_s
            if in_vain >= LOOKS:
                self._leave(replica, "hangs: it has calls and answers nothing, not even its health")
                in_vain = 0
            elif sign is _Sign.LIFE and is_late and _counts(replica):
                self._leave(replica, "hangs: it has calls and no token is made, though it answers")

    def _leave(self, replica: Replica, why: str) -> None:
        replica.is_silent(f"the model server at {replica.url} {why}")
        self._left()


def _counts(replica: Replica) -> bool:
    """Whether it tells what it does, so that one sees when that is nothing."""
    return replica.load is not None and replica.load.tokens is not None


async def _sign(replica: Replica, heard: int) -> _Sign:
    """What there is of a server since it was `heard`; where that is nothing it is asked."""
    if _is_at_work(replica, heard):
        return _Sign.WORK
    try:
        await replica.client.ping(LOOK_S)
    except JobError as error:
        sign = _Sign.NOTHING if error.cause in _SILENT else _Sign.LIFE
    except Exception as error:  # ours or a library's: jobs will find out, only later
        log.debug("health_not_told", server=replica.server, cause=type(error).__name__)
        return _Sign.WORK
    else:
        sign = _Sign.LIFE
    return _Sign.WORK if _is_at_work(replica, heard) else sign


def _is_at_work(replica: Replica, heard: int) -> bool:
    """Whether it is heard, or nothing is expected: it has no calls, or is left alone already."""
    is_left = replica.breaker.state is not State.CLOSED
    return replica.heard != heard or not replica.in_flight or is_left
