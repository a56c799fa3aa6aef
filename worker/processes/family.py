"""Keeps the processes of one worker: starts them, replaces those that die, drains them together."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import aiohttp
import structlog

from worker.clock import Clock
from worker.lifecycle import ExitCode, Shutdown, background, finished_before
from worker.processes import ends
from worker.processes.child import Child, start

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 5.0
_HAND_BACK_S = 10.0
"""More than a process takes to hand back its jobs when its grace is over, or cut short."""


class Life(NamedTuple):
    """What there is to say of a process that has ended."""

    end: str
    """In words."""
    code: ExitCode
    """What it means for the whole, if the whole is leaving or has to."""
    healthy_s: float
    """Seconds it was well."""


class Family:
    """So many processes as there are shares.

    Attributes:
        children: who is there, by number; None between two lives.
        deaths: how often each has ended unasked.
    """

    def __init__(
        self, shares: Sequence[Mapping[str, str]], grace_s: float, shutdown: Shutdown, clock: Clock
    ) -> None:
        self.children: dict[int, Child | None] = dict.fromkeys(range(len(shares)))
        self.deaths: dict[int, int] = dict.fromkeys(range(len(shares)), 0)
        self._shares = shares
        self._grace_s = grace_s
        self._shutdown = shutdown
        self._clock = clock

    async def run(self, session: aiohttp.ClientSession) -> ExitCode:
        """Keep them all until the shutdown, or until one cannot go on; what the whole ends with.

        Args:
            session: to ask after their health with.
        """
        async with background(self._watch(session), self._pass_on()):
            return ends.of_all(await asyncio.gather(*map(self._keep, tuple(self.children))))

    async def _keep(self, index: int) -> ExitCode:
        """One place, whoever is in it: from its first process to the end of its last."""
        code, in_a_row = ExitCode.DRAINED, 0
        while not self._shutdown.drain.is_set():
            life = await self._live(index)
            if life.code in ends.FINAL:
                self._shutdown.begin_drain(f"process {index} cannot go on")
            if self._shutdown.drain.is_set():
                code = life.code
                break
            in_a_row = 1 if life.healthy_s >= ends.HEALTHY_AFTER_S else in_a_row + 1
            self.deaths[index] += 1
            wait_s = ends.restart_after_s(in_a_row)
            log.error("process_died", process=index, exit=life.end, again_in_s=wait_s)
            await finished_before(self._shutdown.drain, asyncio.sleep(wait_s))
        del self.children[index]
        return code

    async def _live(self, index: int) -> Life:
        """One process from its start to its end."""
        try:
            child = await start(index, self._shares[index], self._clock.elapsed)
        except OSError as error:
            return Life(error.strerror or type(error).__name__, ExitCode.CRASHED, 0.0)
        self.children[index] = child
        if self._shutdown.drain.is_set():
            child.drain()  # all others were told while this one was being started
        status = await child.ended()
        self.children[index] = None
        return Life(ends.said(status), ends.meaning(status, killed=child.killed), child.healthy_s)

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        """Kill what has been silent for too long; on a drain, time is bounded by the grace."""
        while True:
            await asyncio.gather(*(child.look(session) for child in self._here()))
            for child in self._here():
                if child.is_stuck and not self._shutdown.drain.is_set():
                    log.error("process_stuck", process=child.index, child_pid=child.pid)
                    child.kill()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _pass_on(self) -> None:
        """Tell them what this process was told, and end what does not obey."""
        await self._shutdown.drain.wait()
        for child in self._here():
            child.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_s + _HAND_BACK_S):
                await self._shutdown.now.wait()
                for child in self._here():
                    child.leave_now()
                await asyncio.sleep(_HAND_BACK_S)
        while True:
            for child in self._here():
                log.error("killing_what_does_not_leave", process=child.index, child_pid=child.pid)
                child.kill()
            await asyncio.sleep(1)

    def _here(self) -> list[Child]:
        return [child for child in self.children.values() if child is not None]
