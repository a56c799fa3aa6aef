"""One stream as people see it: Redis's counts and the workers' own figures in one row."""

from dataclasses import dataclass

from worker.operations.pausing import PauseNote


@dataclass(frozen=True, slots=True)
class StreamView:
    """One stream.

    Attributes:
        waiting: jobs that no worker has.
        in_flight: jobs that a worker has.
        parked: those of them that wait for another try.
        outbox: answers on their way to Core.
        oldest_waiting_s, oldest_in_flight_s: seconds since the oldest of them was appended.
        ended_a_minute: jobs that ended in the last one, completed or dead.
        drained_in_s: until nothing is left, as it goes now; None where that is nobody's guess, or
            never.
        gained_a_minute: by how many it grows, see `draining.py`; None where that is not known.
        drained: both in words.
        paused: who paused it and why.
        served_by: living workers that take this job type.
    """

    job_type: str
    waiting: int
    in_flight: int
    parked: int
    outbox: int
    oldest_waiting_s: float | None
    oldest_in_flight_s: float | None
    ended_a_minute: int
    drained_in_s: float | None
    gained_a_minute: int | None
    drained: str
    paused: PauseNote | None
    served_by: int

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to see."""
        return not (self.waiting or self.in_flight or self.outbox or self.paused)
