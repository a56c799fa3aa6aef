"""What to do with a job, decided without doing it: `admit` before the work, `decide` after it.

Pure: time and chance come in as numbers, a verdict goes out as a value. Carrying it out is
`answering.py` and `delivery.py`.
"""

from dataclasses import dataclass

from shared.enums import FailureReason
from worker.errors import Halt, Reject, Retryable, Service, Snooze
from worker.outcome import Failed

BACKOFF_MAX_S = 60.0
_DOUBLINGS_MAX = 6  # 2^6 > 60: from here on the cap decides
SUSPICIONS_MAX = 3
"""A server that crashes over a request looks like any outage; after so many the job is to blame."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Park the job and try again; an attempt was spent."""

    after_s: float
    why: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again when the service is back; no attempt was spent."""

    service: Service
    why: str
    after_s: float | None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The job ends in the dead letters."""

    reason: FailureReason
    message: str
    cause: str = ""
    raw_answer: str = ""


@dataclass(frozen=True, slots=True)
class StopWorker:
    """The worker cannot go on; its jobs go back to the stream."""

    message: str


Verdict = Retry | Wait | GiveUp | StopWorker


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a job was tried in this process."""

    attempts: int = 0
    """Failures that count."""
    suspicions: int = 0
    """How often a service went away over this job's request."""


def admit(
    *, deliveries: int, deliveries_max: int, deadline: float | None, now: float
) -> Failed | None:
    """Judge a job before any token is spent on it.

    Args:
        deliveries: how often the stream has handed this entry out, this time included. Renewals
            and hand-backs don't count, so each beyond the first is a worker that died holding it.
        deliveries_max: the count at which it is taken for the cause of those deaths.
        deadline: Unix seconds, or None.
        now: Unix seconds.

    Returns:
        Why the job must not run, or None.
    """
    if deadline is not None and now >= deadline:
        late = now - deadline
        return Failed(reason=FailureReason.EXPIRED, message=f"the deadline passed {late:.0f} s ago")
    if deliveries >= deliveries_max:
        message = f"delivered {deliveries} times without an answer"
        return Failed(reason=FailureReason.POISON, message=message)
    return None


def backoff_s(failures: int, jitter: float) -> float:
    """Seconds to wait after the n-th failure in a row: `min(2^(n-1), 60)`, less up to half.

    Args:
        failures: 1 after the first failure.
        jitter: 0 to 1, drawn by the caller; spreads a crowd that failed together.
    """
    full = min(2.0 ** min(failures - 1, _DOUBLINGS_MAX), BACKOFF_MAX_S)
    return full * (1 - jitter / 2)


def decide(  # noqa: PLR0911 - one flat table: a dimension fewer would hide a rule
    error: Exception,
    tries: Tries,
    *,
    attempts_max: int,
    time_left_s: float | None,
    jitter: float,
) -> Verdict:
    """Turn a failure into what follows from it.

    Args:
        error: what the try raised.
        tries: the tries before this one.
        attempts_max: how many attempts a job has.
        time_left_s: seconds to the job's deadline, or None.
        jitter: 0 to 1.
    """
    attempt = tries.attempts + 1
    match error:
        case Halt():
            return StopWorker(str(error))
        case Reject():
            return GiveUp(error.reason, str(error), error.cause)
        case Snooze() if not error.suspect or tries.suspicions < SUSPICIONS_MAX:
            return _unless_late(
                Wait(error.service, str(error), error.after_s, error.cause), time_left_s
            )
        case Retryable() | Snooze() if attempt >= attempts_max:
            message = f"{error} (attempt {attempt} of {attempts_max})"
            reason = getattr(error, "reason", FailureReason.ATTEMPTS_EXHAUSTED)
            return GiveUp(reason, message, error.cause, getattr(error, "raw_answer", ""))
        case Retryable() | Snooze():
            wait_s = _at_least(error.after_s, backoff_s(attempt, jitter), jitter)
            return _unless_late(Retry(wait_s, str(error), error.cause), time_left_s)
        case _ if attempt >= attempts_max:
            return GiveUp(FailureReason.BUG, f"{_bug(error)} (attempt {attempt} of {attempts_max})")
        case _:
            return _unless_late(Retry(backoff_s(attempt, jitter), _bug(error)), time_left_s)


def _unless_late(verdict: Retry | Wait, time_left_s: float | None) -> Verdict:
    if time_left_s is None or (verdict.after_s or 0.0) < time_left_s:
        return verdict
    message = f"the deadline comes before the next try; last error: {verdict.why}"
    return GiveUp(FailureReason.EXPIRED, message, verdict.cause)


def _at_least(asked_s: float | None, backoff: float, jitter: float) -> float:
    # What was asked for is a floor; the jitter on top keeps a crowd from returning as one.
    return backoff if asked_s is None else max(asked_s * (1 + jitter / 10), backoff)


def _bug(error: Exception) -> str:
    # The type only: a message may quote the payload, and this goes to the log and to Core.
    return f"unexpected {type(error).__name__} in the handler"


@dataclass(slots=True)
class RetryTracker:
    """One job's tries at one thing (its answer, or its delivery), kept in memory.

    Dies with the process: what outlives a crash is the stream's own delivery count.
    """

    attempts_max: int
    tries: Tries = Tries()

    def decide(self, error: Exception, *, time_left_s: float | None, jitter: float) -> Verdict:
        """Count this failure and say what follows."""
        verdict = decide(
            error,
            self.tries,
            attempts_max=self.attempts_max,
            time_left_s=time_left_s,
            jitter=jitter,
        )
        attempts, suspicions = self.tries.attempts, self.tries.suspicions
        match verdict:
            case Wait():
                suspect = isinstance(error, Snooze) and error.suspect
                self.tries = Tries(attempts, suspicions + suspect)
            case StopWorker():
                pass
            case GiveUp(reason=FailureReason.EXPIRED) if isinstance(error, Snooze):
                pass  # nothing was tried that could have succeeded
            case Retry() | GiveUp():
                self.tries = Tries(attempts + 1, suspicions)
        return verdict
