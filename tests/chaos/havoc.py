"""Carries out the faults of a plan, and takes down what each interrupted."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM
from typing import Any

import aiohttp

from tests.chaos.fleet import LEAVE_S, POLL_S, Fleet, Relays, Seat
from tests.chaos.outstanding import Outstanding
from tests.chaos.plan import WORKER_KINDS, Fault, Kind
from worker.embedded.stack import Stack
from worker.queue.redis_clients import OUTAGE


class Havoc:
    """Everything that can go wrong with one fleet and its services."""

    def __init__(
        self, stack: Stack, fleet: Fleet, relays: Relays, outstanding: Outstanding
    ) -> None:
        self._stack = stack
        self._fleet = fleet
        self._relays = relays
        self._outstanding = outstanding
        self._note = fleet.journal.note
        self.done: Counter[Kind] = Counter()

    async def wreak(self, faults: list[Fault]) -> None:
        """Carry out the plan; returns when the last fault is over and every service is back."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._services(faults, started))
            for fault in faults:
                if fault.kind in WORKER_KINDS:
                    group.create_task(self._worker(fault, started))

    async def _services(self, faults: list[Fault], started: float) -> None:
        """The faults of services, one after the other."""
        for fault in faults:
            if fault.kind not in WORKER_KINDS:
                await _wait_for(fault, started)
                await self._service_fault(fault)

    async def _worker(self, fault: Fault, started: float) -> None:
        """A fault of a worker, beside all others; none when every worker has one already."""
        await _wait_for(fault, started)
        with self._fleet.victim(fault.victim) as seat:
            if seat is not None:
                self._note(fault.kind, worker=seat.service.name, consumer=seat.consumer)
                await self._worker_fault(fault, seat)
                self._note(f"{fault.kind}_over", worker=seat.service.name)
                self.done[fault.kind] += 1

    # ---------------------------------------------------------------------- workers

    async def _worker_fault(self, fault: Fault, seat: Seat) -> None:
        match fault.kind:
            case Kind.WORKER_KILL:
                seat.service.send(SIGKILL)
                await seat.ended(LEAVE_S)
                await self._excuse(seat, set())
                seat.start()
            case Kind.WORKER_FREEZE:
                await self._freeze(seat, fault.length_s)
            case _:
                await self._terminate(seat)

    async def _excuse(self, seat: Seat, excused: set[str]) -> None:
        """Excuse the jobs that this worker was asking about and has not recorded, each once."""
        consumer = seat.consumer
        for job in await self._outstanding.held():
            # A frozen worker's next jobs may be handed to it while it is frozen; it will ask
            # about them before it learns that they are another's by then.
            is_held = job.consumer == consumer and seat.service.exit_code is None
            is_meant = is_held or job.job_id in seat.calls.in_hand
            if is_meant and not job.is_recorded and job.job_id not in excused:
                excused.add(job.job_id)
                self._fleet.excuse(job.job_id, f"unrecorded at {seat.service.name}")

    async def _freeze(self, seat: Seat, length_s: float) -> None:
        seat.service.send(SIGSTOP)
        thaw_at = time.monotonic() + length_s
        excused: set[str] = set()
        try:
            while time.monotonic() < thaw_at:
                await self._excuse(seat, excused)
                await asyncio.sleep(POLL_S)
        finally:
            seat.service.send(SIGCONT)
        seat.calls.in_hand -= excused

    async def _terminate(self, seat: Seat) -> None:
        before, consumer = len(seat.lines("handed_back")), seat.consumer
        fine = {0} if consumer else {0, -SIGTERM}
        seat.service.send(SIGTERM)
        give_up_at = time.monotonic() + LEAVE_S
        recorded: dict[str, bool] = {}  # as it was when this worker was last seen with the job
        while seat.service.exit_code is None and time.monotonic() < give_up_at:
            held = await self._outstanding.held()
            recorded |= {job.job_id: job.is_recorded for job in held if job.consumer == consumer}
            await asyncio.sleep(POLL_S)
        code = seat.service.exit_code
        if code not in fine:
            self._fleet.oddities.append(f"{seat.service.name} left with {code} after SIGTERM")
            seat.service.kill()
        for line in seat.lines("handed_back")[before:]:
            # The grace was over before the answer was there, or before Redis had taken it.
            cut_off = line["stage"] == "deliver" and not recorded.get(line["job_id"], True)
            if cut_off or line["stage"] == "infer":
                self._fleet.excuse(line["job_id"], f"cut off by the grace of {seat.service.name}")
        seat.start()

    # ---------------------------------------------------------------------- services

    async def _service_fault(self, fault: Fault) -> None:
        steps: dict[Kind, Callable[[Fault], Coroutine[Any, Any, None]]] = {
            Kind.REDIS_RESTART: self._restart_redis,
            Kind.REDIS_FREEZE: self._freeze_redis,
            Kind.REDIS_DROP: self._drop_redis,
            Kind.REDIS_REPLIES_LOST: self._lose_redis_replies,
            Kind.CORE_DOWN: self._end_core,
            Kind.CORE_KILL: self._end_core,
            Kind.CORE_REPLIES_LOST: self._lose_core_replies,
            Kind.MODEL_503: self._refuse_answers,
            Kind.MODEL_CUT: self._cut_model,
            Kind.MODEL_REPLIES_LOST: self._lose_answers,
        }
        self._note(fault.kind, length_s=fault.length_s, amount=fault.amount)
        await steps[fault.kind](fault)
        self._note(f"{fault.kind}_over")
        self.done[fault.kind] += 1

    async def _restart_redis(self, fault: Fault) -> None:
        self._stack.redis.stop()
        await asyncio.sleep(fault.length_s)
        self._stack.redis.start()

    async def _freeze_redis(self, fault: Fault) -> None:
        self._stack.redis.freeze()
        try:
            await asyncio.sleep(fault.length_s)
        finally:
            self._stack.redis.thaw()

    async def _drop_redis(self, _: Fault) -> None:
        with suppress(*OUTAGE):
            await self._outstanding.command_once("CLIENT", "KILL", "TYPE", "normal")

    async def _lose_redis_replies(self, fault: Fault) -> None:
        self._relays.redis.lose_replies(fault.amount)

    async def _end_core(self, fault: Fault) -> None:
        core = self._stack.core
        core.send(SIGTERM if fault.kind is Kind.CORE_DOWN else SIGKILL)
        while core.exit_code is None:  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(POLL_S)
        await asyncio.sleep(fault.length_s)
        core.start()
        await asyncio.to_thread(core.wait_until_ready)

    async def _lose_core_replies(self, fault: Fault) -> None:
        self._relays.core.lose_replies(fault.amount)

    async def _refuse_answers(self, fault: Fault) -> None:
        url = f"{self._stack.model_url}/stand-in/faults"
        refusals = {"status": 503, "retry_after": 0.2, "count": fault.amount}
        async with aiohttp.ClientSession() as http, http.post(url, json=refusals) as response:
            response.raise_for_status()

    async def _cut_model(self, _: Fault) -> None:
        for seat in self._fleet.seats:
            seat.model.cut()

    async def _lose_answers(self, fault: Fault) -> None:
        seat = self._fleet.seats[fault.amount % len(self._fleet.seats)]
        seat.model.lose_replies(fault.amount)


async def _wait_for(fault: Fault, started: float) -> None:
    await asyncio.sleep(max(0.0, started + fault.at_s - time.monotonic()))
