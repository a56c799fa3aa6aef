"""A job in this worker's hands: its entry, what was read from it, what has come of it so far."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from shared.redis_streams import JobEntry
from shared.schemas import UsageReport
from worker.errors import Service
from worker.llm.chat import Usage
from worker.outcome import Outcome
from worker.queue.claimed_entry import ClaimedEntry
from worker.retry import Retry, Wait


class LeaseLost(Exception):
    """The entry is another worker's now: write nothing more for it."""


class HandBack(Exception):
    """This job waits, and the worker is stopping, or it is paused: it goes back to its stream."""


class Stage(StrEnum):
    """Where a job is in its life; see the diagram in the README."""

    ADMIT = "admit"
    INFER = "infer"
    PARKED = "parked"
    DELIVER = "deliver"
    SETTLE = "settle"
    HAND_BACK = "hand_back"


class Witness(Protocol):
    """Who is told of each step of a job, in the job's own task; returns at once, never raises."""

    def seen(self, job: "Job") -> None:
        """It is this worker's, and its entry has been read as far as it can be."""
        ...

    def started(self, job: "Job") -> None:
        """A try begins: its handler goes to work."""
        ...

    def retried(self, job: "Job", why: Retry | Wait) -> None:
        """The try has failed; the next one begins with `started`."""
        ...

    def told(self, job: "Job", outcome: Outcome) -> None:
        """Core has the last word about it."""
        ...

    def ended(self, job: "Job", outcome: Outcome) -> None:
        """It is off its stream."""
        ...

    def left(self, job: "Job", how: str) -> None:
        """Somebody else will end it; `how` it left is a word such as `handed_back`."""
        ...


class Unwitnessed:
    """Nobody is told."""

    def seen(self, job: "Job") -> None:
        """Let it pass."""

    def started(self, job: "Job") -> None:
        """Let it pass."""

    def retried(self, job: "Job", why: Retry | Wait) -> None:
        """Let it pass."""

    def told(self, job: "Job", outcome: Outcome) -> None:
        """Let it pass."""

    def ended(self, job: "Job", outcome: Outcome) -> None:
        """Let it pass."""

    def left(self, job: "Job", how: str) -> None:
        """Let it pass."""


NOBODY = Unwitnessed()


@dataclass(slots=True, eq=False)
class Job:
    """One job from claim to settle."""

    entry: ClaimedEntry
    facts: JobEntry | None = None
    """What the entry says; None when it could not be read."""
    job_id: str | None = None
    stage: Stage = Stage.ADMIT
    attempts: int = 0
    usage: Usage = field(default_factory=Usage)
    spent: UsageReport | None = None
    """The same with what it has cost, once there is an answer."""
    kept: dict[str, object] = field(default_factory=dict[str, object])
    """What its handler wants to find again at the next try: parts that are paid for."""
    claimed_at: float = 0.0
    """Unix seconds."""
    recorded: bool = False
    """Whether the outbox held its outcome already, from a worker that died."""
    handler_s: float = 0.0
    """Seconds in its handler, all tries; for the model it waits within them (`usage.llm_s`)."""
    record_s: float = 0.0
    """Seconds until the outbox had its outcome."""
    deliver_s: float = 0.0
    """Seconds from its outcome to Core's last word, recording included."""
    settle_s: float = 0.0
    """Seconds until it was off its stream."""
    processing: asyncio.Task[None] | None = None
    """The PATCH `processing` on its way; the final one waits for it."""
    lost: bool = False
    """Set before the job is cancelled because its lease was lost."""
    witness: Witness = NOBODY
    interrupt: Callable[[], None] = lambda: None
    """Ends its being answered, while it is: see `interruptible.py`."""
    paused: bool = False
    """Whether operators have paused its like since it was claimed: no new try begins."""
    gate: Service | None = None
    """The service whose gate keeps it from its next try."""
    due_at: float = 0.0
    """When its next try is due, in Unix seconds; 0 where it does not wait for a time."""
    trouble: str = ""
    """Why its last try failed; never anything of the payload."""
    wait_s: float = field(init=False)
    """Seconds between XADD and claim (two machines' clocks, so never below zero)."""

    def __post_init__(self) -> None:
        self.wait_s = max(0.0, self.claimed_at - self.entry.enqueued_s)

    @property
    def log_fields(self) -> dict[str, object]:
        """What every log line about this job carries; never anything of the payload."""
        return {
            "job_id": self.job_id,
            "job_type": self.entry.job_type,
            "entry_id": self.entry.entry_id,
        }

    def time_left_s(self, now: float) -> float | None:
        """Seconds to the deadline, or None."""
        if self.facts is None or self.facts.deadline is None:
            return None
        return self.facts.deadline - now
