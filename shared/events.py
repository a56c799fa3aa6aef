"""What is told of a job's life on `<prefix>:events`: the fields of an event, written and read.

An event holds who, what and how long, never anything of a payload or an answer. `completed` and
`dead` are told in the same step as the job's end, so that each end is told exactly once; the
others are information: told soon, and left out while Redis is away. They come from several
connections, so it is `at` that orders them, not their place in the stream.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class EventName(StrEnum):
    """The field `event`: what has happened to the job."""

    SEEN = "seen"
    """A worker has taken it for the first time."""
    STARTED = "started"
    """A try begins: its handler goes to work; of a job that is tried again, once for each try."""
    RETRIED = "retried"
    """A try has failed, and another one follows after a while."""
    DELIVERED = "delivered"
    """Core has the answer and all that follows from it."""
    FAILED = "failed"
    """Core has been told that there will be no answer."""
    COMPLETED = "completed"
    """The end of a job with an answer: it is off its stream."""
    DEAD = "dead"
    """The end of a job without one: it is a dead letter."""

    @property
    def is_end(self) -> bool:
        """Whether nothing happens to the job after this."""
        return self in {EventName.COMPLETED, EventName.DEAD}


class EventError(ValueError):
    """An entry of the events' stream that is no event this version knows."""


@dataclass(slots=True, kw_only=True)  # made four times for each job: frozen, that costs three times
class JobEvent:
    """One event, its fields in the order in which they are written; None: not known, not told."""

    event: EventName
    job_id: str | None = None
    job_type: str
    user_id: int | None = None
    tenant: str | None = None
    entry_id: str
    """The job's entry in its own stream."""
    attempt: int
    """Which try this is about; from `delivered` on, how many there were."""
    deliveries: int | None = None
    """How often the stream has handed the job out, this time included."""
    worker: str | None = None
    """The consumer's name of the worker that has the job."""
    after_ms: int | None = None
    """How long the job waits for its next try."""
    wait_ms: int | None = None
    """From its XADD to the worker that has it."""
    llm_ms: int | None = None
    """Spent waiting for the model, all tries of this worker together."""
    deliver_ms: int | None = None
    """From the outcome to the last word to Core."""
    reason: str | None = None
    """Why there is no answer: a `FailureReason`."""
    cause: str | None = None
    """What went wrong at the last try, in one word."""
    at: float
    """Unix seconds."""


_NAMES = tuple(field.name for field in fields(JobEvent))


def encode_event(event: JobEvent) -> dict[str, str]:
    """The fields to XADD; a control character in a producer's text becomes a question mark."""
    told: dict[str, str] = {}
    for name in _NAMES:
        value: str | float | None = getattr(event, name)
        if isinstance(value, str):
            told[name] = value if value.isprintable() else _CONTROL.sub("?", value)
        elif value is not None:
            told[name] = f"{value:.3f}" if isinstance(value, float) else str(value)
    return told


def decode_event(raw: Mapping[bytes, bytes]) -> JobEvent:
    """Read an event; fields that nobody here knows are left out.

    Raises:
        EventError: it is none, or one of a kind that a later version has added.
    """
    told = {
        name.decode(errors="replace"): text.decode(errors="replace") for name, text in raw.items()
    }

    def number(name: str) -> int | None:
        return int(told[name]) if name in told else None

    try:
        return JobEvent(
            event=EventName(told["event"]),
            job_id=told.get("job_id"),
            job_type=told["job_type"],
            user_id=number("user_id"),
            tenant=told.get("tenant"),
            entry_id=told["entry_id"],
            attempt=int(told["attempt"]),
            deliveries=number("deliveries"),
            worker=told.get("worker"),
            after_ms=number("after_ms"),
            wait_ms=number("wait_ms"),
            llm_ms=number("llm_ms"),
            deliver_ms=number("deliver_ms"),
            reason=told.get("reason"),
            cause=told.get("cause"),
            at=float(told["at"]),
        )
    except KeyError as error:
        raise EventError(f"no event: field {error} is missing") from None
    except ValueError as error:
        raise EventError(f"no event: {error}") from None
