"""What this worker is like now, put together for who asks: `llm-worker status`, the page."""

import os
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from heapq import nsmallest
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Protocol

from worker.claiming import Limits
from worker.clock import Clock
from worker.consumer import Report
from worker.errors import Service
from worker.gates import Gates
from worker.job import Job, Stage
from worker.leases import Leases
from worker.llm.limit import LimitFacts
from worker.llm.replica import Replica
from worker.marks import HEEDED
from worker.outcome import Completed, Outcome
from worker.steering.pace import Pace
from worker.steering.roster import HeldJob, ModelLimit, ModelServer, WorkerFacts, shortened

JOBS_TOLD_MAX = 100
"""So many of its jobs a worker names; a hundred are some ten kilobytes."""


class Servers(Protocol):
    """The part of the router that can be looked at."""

    @property
    def replicas(self) -> Sequence[Replica]:
        """Every server there is."""
        ...

    @property
    def limits(self) -> Sequence[LimitFacts]:
        """How much each is sent at once."""
        ...


@dataclass(frozen=True, slots=True)
class Sitter:
    """What is looked at.

    Attributes:
        limits: what bounds its claims.
        router: the model servers, as this worker has them.
        draining: whether it is stopping.
    """

    leases: Leases
    limits: Limits
    router: Servers
    draining: Callable[[], bool]


class Portrait:
    """One worker, as it tells of itself; `job_types` are those it takes."""

    def __init__(self, sitter: Sitter, job_types: Sequence[str], clock: Clock) -> None:
        self._sitter = sitter
        self._job_types = tuple(map(str, job_types))
        self._clock = clock
        self._started_at = clock.now()
        self._pace = Pace()

    def counting(self, report: Report) -> Report:
        """The same report, counted on its way."""

        def counted(job: Job, outcome: Outcome) -> None:
            completed = isinstance(outcome, Completed)
            self._pace.note(job.entry.job_type, self._clock.elapsed(), completed=completed)
            report(job, outcome)

        return counted

    def taken(self) -> WorkerFacts:
        """How it is now."""
        of = self._sitter
        jobs = list(of.leases)
        slots, backlog, gates = of.limits.slots, of.limits.backlog, of.limits.gates
        return WorkerFacts(
            host=shortened(socket.gethostname()),
            pid=os.getpid(),
            version=version(),
            started_at=self._started_at,
            job_types=self._job_types,
            slots=slots.used,
            slots_max=slots.capacity,
            held=slots.held,
            held_max=slots.held_max,
            waiting_for_core=backlog.outcomes,
            claiming=not backlog.is_full,
            draining=of.draining(),
            stages=_stages(jobs),
            ended=self._pace.last_minute(self._clock.elapsed()),
            heeds=HEEDED,
            gates={name: shortened(why) for name, why in gates.away().items()},
            gates_s={name: round(away_s, 1) for name, away_s in gates.away_s().items()},
            limits=tuple(ModelLimit(**asdict(facts)) for facts in of.router.limits),
            servers=tuple(map(_server, of.router.replicas)),
            jobs=tuple(_held(job, gates) for job in _most_telling(jobs)),
        )


def sketched(job_types: Sequence[str], started_at: float) -> WorkerFacts:
    """Who this worker is, without what it is doing."""
    return WorkerFacts(
        host=shortened(socket.gethostname()),
        pid=os.getpid(),
        version=version(),
        started_at=started_at,
        job_types=tuple(map(str, job_types)),
    )


def _stages(jobs: Sequence[Job]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for job in jobs:
        found.setdefault(job.entry.job_type, Counter())[str(job.stage)] += 1
    return {name: dict(counts) for name, counts in found.items()}


def _most_telling(jobs: Sequence[Job]) -> list[Job]:
    return nsmallest(
        JOBS_TOLD_MAX, jobs, key=lambda job: (job.stage is not Stage.PARKED, job.claimed_at)
    )


def _held(job: Job, gates: Gates) -> HeldJob:
    # Who delivers needs Core, and stands at its gate while that is closed.
    service = Service.CORE if job.stage is Stage.DELIVER else job.gate
    return HeldJob(
        entry_id=job.entry.entry_id,
        job_type=job.entry.job_type,
        job_id=job.job_id or "",
        stage=str(job.stage),
        attempts=job.attempts,
        claimed_at=job.claimed_at,
        trouble=shortened(job.trouble),
        due_at=job.due_at,
        waits_for="" if service is None or gates[service].is_open else str(service),
    )


def _server(replica: Replica) -> ModelServer:
    return ModelServer(
        provider=replica.provider,
        server=shortened(replica.server),
        breaker=str(replica.breaker.state),
        in_flight=replica.in_flight,
        why=shortened(replica.last_error),
        broken=shortened(str(replica.broken or "")),
    )


@cache
def version() -> str:
    """What is installed, such as `1.2.0`; empty in a checkout that never was."""
    try:
        return installed("llm-worker")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return ""
