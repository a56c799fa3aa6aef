"""What operators have marked, as this worker knows it: what is paused, which jobs are cancelled.

Pure: `presence.py` reads the marks, `claiming.py` and `answering.py` heed them. Whether the tenant
of a new job is paused the scripts look up in Redis for themselves (scripts/paused.lua).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from worker.job import Job

CANCELLED_KEPT_S = 7 * 86_400.0
"""So long a job may wait in its stream, and is still known to be cancelled."""
_TYPE, _TENANT = "type:", "tenant:"
HEEDED = ("type", "tenant")
"""What this worker leaves alone when it is paused."""


@dataclass(frozen=True, slots=True)
class Paused:
    """What is not to be taken."""

    types: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()


def type_field(job_type: str) -> str:
    """How the hash of what is paused names a job type."""
    return _TYPE + job_type


def tenant_field(tenant: str) -> str:
    """How the hash of what is paused names a tenant."""
    return _TENANT + tenant


def read_paused(fields: Iterable[str]) -> Paused:
    """What these fields of the hash name; fields of another kind are a newer version's."""
    names = list(fields)
    return Paused(
        frozenset(name.removeprefix(_TYPE) for name in names if name.startswith(_TYPE)),
        frozenset(name.removeprefix(_TENANT) for name in names if name.startswith(_TENANT)),
    )


@dataclass(slots=True)
class Marks:
    """The marks of all operators.

    Attributes:
        known: whether they were read yet; before that nothing is to be taken.
        paused: what is not to be taken.
    """

    known: bool = False
    paused: Paused = field(default_factory=Paused)
    _cancelled: dict[str, float] = field(default_factory=dict[str, float])

    def heed(self, paused: Iterable[str], cancelled: Iterable[tuple[str, float]]) -> None:
        """Take what was read.

        Args:
            paused: everything that is.
            cancelled: job ids and when, in Unix ms; only new ones, or old ones again.
        """
        self.known = True
        self.paused = read_paused(paused)
        self._cancelled.update(cancelled)

    def forget(self, before_ms: float) -> None:
        """Drop what was cancelled before that."""
        self._cancelled = {job_id: ms for job_id, ms in self._cancelled.items() if ms >= before_ms}

    def cancels(self, job: Job) -> bool:
        """Whether a job is not wanted any more: appended before it was cancelled, not after."""
        cancelled_ms = self._cancelled.get(job.job_id or "")
        return cancelled_ms is not None and job.entry.enqueued_s * 1_000 <= cancelled_ms

    def stop(self, jobs: Iterable[Job]) -> None:
        """Have no new try begin of those of the jobs that are paused; of the others again."""
        for job in jobs:
            tenant = None if job.facts is None else job.facts.tenant or ""
            job.paused = job.entry.job_type in self.paused.types or tenant in self.paused.tenants

    def interrupt(self, jobs: Iterable[Job]) -> None:
        """Cut off those of the jobs that are cancelled, where they have no answer yet."""
        for job in jobs:
            if self.cancels(job):
                job.interrupt()
