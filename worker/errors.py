"""The four ways a try can fail. Handlers and clients raise exactly these: the raiser knows what
follows from its failure, the loop does not guess. Anything else that escapes them is a bug.
"""

from enum import StrEnum

from shared.enums import FailureReason

RAW_ANSWER_CHARS = 16_384
"""So much of an answer that could not be used is kept in its dead letter."""


class Service(StrEnum):
    """What the worker leans on while it answers and delivers."""

    MODEL = "model"
    CORE = "core"


class JobError(Exception):
    """A failure whose consequence is known; `str()` is one line for the log and for Core.

    Attributes:
        cause: what went wrong, in one of a few fixed words (`worker.llm.causes`) that logs,
            metrics and dead letters can be searched for; empty where there is nothing to tell.
    """

    def __init__(self, message: str, *, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


class Retryable(JobError):
    """This try failed, another may not: an attempt is spent, and the job backs off.

    Attributes:
        after_s: wait this many seconds instead of the usual backoff.
        reason: what the dead letter says when no attempt is left.
        raw_answer: what the model said, where that is what could not be used; for the dead letter,
            never for a log.
    """

    def __init__(
        self,
        message: str,
        *,
        after_s: float | None = None,
        reason: FailureReason = FailureReason.ATTEMPTS_EXHAUSTED,
        cause: str = "",
        raw_answer: str = "",
    ) -> None:
        super().__init__(message, cause=cause)
        self.after_s = after_s
        self.reason = reason
        self.raw_answer = raw_answer[:RAW_ANSWER_CHARS]


class Snooze(JobError):
    """Not the job's fault (overload, rate limit, outage): no attempt is spent.

    Attributes:
        service: who is away.
        after_s: seconds it asked for; None leaves the wait to the backoff.
        suspect: whether it went away over this very request, so that the job may be the cause.
        away: whether nobody can ask it now; False where it was one server of several.
        fix: what a person can do about it; empty where that is not known here.
    """

    def __init__(
        self,
        message: str,
        *,
        service: Service = Service.MODEL,
        after_s: float | None = None,
        suspect: bool = False,
        cause: str = "",
        fix: str = "",
    ) -> None:
        super().__init__(message, cause=cause)
        self.service = service
        self.after_s = after_s
        self.suspect = suspect
        self.away = True
        self.fix = fix


class Reject(JobError):
    """This job can never succeed: dead letter at once."""

    def __init__(self, reason: FailureReason, message: str, *, cause: str = "") -> None:
        super().__init__(message, cause=cause)
        self.reason = reason


class Halt(JobError):
    """The worker is broken, not the job (bad key, unknown model): release everything and stop."""
