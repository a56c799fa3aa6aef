"""Several witnesses of a job as one."""

from worker.job import NOBODY, Job, Witness
from worker.outcome import Outcome
from worker.retry import Retry, Wait


def all_of(*witnesses: Witness | None) -> Witness:
    """One that tells all of these, in this order; None is nobody."""
    there = tuple(witness for witness in witnesses if witness is not None)
    if not there:
        return NOBODY
    return there[0] if len(there) == 1 else _Several(there)


class _Several:
    """Passes on what it is told."""

    def __init__(self, witnesses: tuple[Witness, ...]) -> None:
        self._witnesses = witnesses

    def seen(self, job: Job) -> None:
        """As `Witness` says; so for each method here."""
        for witness in self._witnesses:
            witness.seen(job)

    def started(self, job: Job) -> None:
        for witness in self._witnesses:
            witness.started(job)

    def retried(self, job: Job, why: Retry | Wait) -> None:
        for witness in self._witnesses:
            witness.retried(job, why)

    def told(self, job: Job, outcome: Outcome) -> None:
        for witness in self._witnesses:
            witness.told(job, outcome)

    def ended(self, job: Job, outcome: Outcome) -> None:
        for witness in self._witnesses:
            witness.ended(job, outcome)

    def left(self, job: Job, how: str) -> None:
        for witness in self._witnesses:
            witness.left(job, how)
