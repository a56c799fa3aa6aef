"""What can go wrong between a question and its answer: one table, one fixed word for each.

The words stand in log lines, metrics and dead letters, so they are never renamed. What follows
from each is decided here and nowhere else; `client`, `structured` and the router only find out
which it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from shared.enums import FailureReason
from worker.errors import Halt, JobError, Reject, Retryable, Snooze


class Disposition(StrEnum):
    """What follows."""

    REASK = "reask"
    """Asked again at once, with a note of the fault; the second time it is a `RETRY`."""
    RETRY = "retry"
    """An attempt is spent."""
    SNOOZE = "snooze"
    """Not the job's fault: it waits, no attempt is spent."""
    REJECT = "reject"
    """A dead letter at once."""
    HALT = "halt"
    """The worker is set up wrongly."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows from a cause, what a dead letter says of it, and whose fault it is."""

    disposition: Disposition
    reason: FailureReason = FailureReason.ATTEMPTS_EXHAUSTED
    against_server: bool = False
    """Whether the breaker counts it: connection errors, 5xx and true timeouts, nothing else."""


class Cause(StrEnum):
    """What went wrong; beside these there is `http_<status>`."""

    TIMEOUT = "timeout"
    """No whole answer in the time a call may take."""
    CONNECTION_ERROR = "connection_error"
    """Refused, reset, or no such name."""
    BROKEN_REPLY = "broken_reply"
    """The connection broke while the reply came."""
    BREAKER_OPEN = "breaker_open"
    """Not asked: every server that could answer is being left alone."""
    NO_ROOM = "no_room"
    """Not asked: every server that could answer had as much to do as it can, for too long."""
    BUDGET_SPENT = "budget_spent"
    """Not asked: the day's tokens are used up."""
    UNREADABLE_REPLY = "unreadable_reply"
    """A 200 that is no chat completion: HTML, half a JSON, no choices."""
    OVERSIZED_REPLY = "oversized_reply"
    """A reply longer than any answer can be."""
    EMPTY_RESPONSE = "empty_response"
    """A completion without a word in it."""
    TRUNCATED = "truncated"
    """Cut off at the token limit; never asked again unchanged."""
    REPETITION = "repetition"
    """The server stopped a model that went round in circles."""
    ABORTED = "aborted"
    """The server ended it early, or for a reason we do not know."""
    INVALID_JSON = "invalid_json"
    """No JSON in it that can be read."""
    SCHEMA_MISMATCH = "schema_mismatch"
    """JSON of another shape than was asked for."""
    UNGROUNDED = "ungrounded"
    """The right shape, but it names what was not offered or not there."""
    PROMPT_LEAK = "prompt_leak"
    """It repeats its instructions."""
    REFUSED = "refused"
    """The model will not answer, or a filter stands before it."""
    CONTEXT_TOO_LONG = "context_too_long"
    """The prompt does not fit the model."""
    BAD_ADDRESS = "bad_address"
    """What the settings give as its address is none."""
    UNKNOWN_MODEL = "unknown_model"
    """The server has no model of this name."""


_ANSWER = FailureReason.INVALID_ANSWER
_NEVER = FailureReason.MODEL_REFUSED

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        Cause.TIMEOUT: Rule(Disposition.RETRY, against_server=True),
        Cause.CONNECTION_ERROR: Rule(Disposition.SNOOZE, against_server=True),
        Cause.BROKEN_REPLY: Rule(Disposition.RETRY, against_server=True),
        Cause.BREAKER_OPEN: Rule(Disposition.SNOOZE),
        Cause.NO_ROOM: Rule(Disposition.SNOOZE),
        Cause.BUDGET_SPENT: Rule(Disposition.SNOOZE),
        Cause.UNREADABLE_REPLY: Rule(Disposition.RETRY),
        Cause.OVERSIZED_REPLY: Rule(Disposition.RETRY, _ANSWER),
        Cause.EMPTY_RESPONSE: Rule(Disposition.REASK, _ANSWER),
        Cause.TRUNCATED: Rule(Disposition.REASK, _ANSWER),
        Cause.REPETITION: Rule(Disposition.REASK, _ANSWER),
        Cause.ABORTED: Rule(Disposition.REASK, _ANSWER),
        Cause.INVALID_JSON: Rule(Disposition.REASK, _ANSWER),
        Cause.SCHEMA_MISMATCH: Rule(Disposition.REASK, _ANSWER),
        Cause.UNGROUNDED: Rule(Disposition.REASK, _ANSWER),
        Cause.PROMPT_LEAK: Rule(Disposition.REASK, _ANSWER),
        Cause.REFUSED: Rule(Disposition.REJECT, _NEVER),
        Cause.CONTEXT_TOO_LONG: Rule(Disposition.REJECT, _NEVER),
        Cause.BAD_ADDRESS: Rule(Disposition.HALT),
        Cause.UNKNOWN_MODEL: Rule(Disposition.HALT),
        "http_401": Rule(Disposition.HALT),
        "http_402": Rule(Disposition.HALT),
        "http_403": Rule(Disposition.HALT),
        "http_404": Rule(Disposition.HALT),
        "http_405": Rule(Disposition.HALT),
        "http_407": Rule(Disposition.HALT),
        "http_408": Rule(Disposition.RETRY),
        "http_409": Rule(Disposition.RETRY),
        "http_410": Rule(Disposition.HALT),
        "http_425": Rule(Disposition.RETRY),
        "http_429": Rule(Disposition.SNOOZE),
        "http_502": Rule(Disposition.SNOOZE, against_server=True),
        "http_503": Rule(Disposition.SNOOZE, against_server=True),
        "http_504": Rule(Disposition.SNOOZE, against_server=True),
        "http_529": Rule(Disposition.SNOOZE, against_server=True),
    }
)
"""Every cause that has a rule of its own; other statuses follow their class, see `rule`."""


def http_cause(status: int) -> str:
    """The cause that stands for an HTTP status."""
    return f"http_{status}"


def rule(cause: str) -> Rule:
    """What follows from a cause; total, also for statuses that nobody has assigned."""
    known = RULES.get(cause)
    if known is not None:
        return known
    if cause.startswith("http_4"):
        return Rule(Disposition.REJECT, _NEVER)
    if cause.startswith("http_3"):  # private texts are not sent after a redirect
        return Rule(Disposition.HALT)
    return Rule(Disposition.RETRY, against_server=cause.startswith("http_5"))


def job_error(
    cause: str,
    message: str,
    *,
    after_s: float | None = None,
    suspect: bool = False,
    raw_answer: str = "",
) -> JobError:
    """The error that carries a cause to the queue.

    Args:
        cause: a `Cause` or an `http_cause`.
        message: one line for a person.
        after_s: seconds the server asked for.
        suspect: whether the server went away over this very request.
        raw_answer: what the model said, for the dead letter.
    """
    found = rule(cause)
    match found.disposition:
        case Disposition.SNOOZE:
            return Snooze(message, after_s=after_s, suspect=suspect, cause=cause)
        case Disposition.REJECT:
            return Reject(found.reason, message, cause=cause)
        case Disposition.HALT:
            return Halt(message, cause=cause)
        case Disposition.REASK | Disposition.RETRY:
            return Retryable(
                message, after_s=after_s, reason=found.reason, cause=cause, raw_answer=raw_answer
            )


def as_outage(error: JobError, *, was_silent: bool) -> Snooze:
    """The failure of a call to a server that is known to be sick: it costs the job no attempt.

    A job may itself be what makes the server sick, so it is suspected: the queue counts that. It
    is not where the server says that nobody is there: a gateway, or a refused connection; nor
    where it was silent before it had this call.
    """
    suspect = getattr(error, "suspect", True) and not was_silent
    after_s = getattr(error, "after_s", None)
    return Snooze(str(error), after_s=after_s, suspect=suspect, cause=error.cause)
