"""The rules of retrying as one table, and what holds for every number that goes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enums import FailureReason
from worker.errors import Halt, JobError, Reject, Retryable, Service, Snooze
from worker.outcome import Failed
from worker.retry import (
    GiveUp,
    Retry,
    RetryTracker,
    StopWorker,
    Tries,
    Verdict,
    Wait,
    admit,
    backoff_s,
    decide,
)

MAX = 5
"""Attempts a job has in the table."""

SPENT, REFUSED = FailureReason.ATTEMPTS_EXHAUSTED, FailureReason.MODEL_REFUSED
EXPIRED, BUG = FailureReason.EXPIRED, FailureReason.BUG
LATE = "the deadline comes before the next try; last error: "
KEY_ERROR = "unexpected KeyError in the handler"

again = Retryable("again")
asked = Retryable("asked", after_s=7)
garbled = Retryable("garbled", reason=FailureReason.INVALID_ANSWER)
busy = Snooze("busy")
limited = Snooze("limited", after_s=30)
away = Snooze("away", service=Service.CORE)
crash = Snooze("crash", suspect=True)
no = Reject(REFUSED, "no")
broken = Halt("broken")
slip = KeyError("private text")


def _ends(reason: FailureReason, message: str) -> GiveUp:
    return GiveUp(reason, message)


def _waits(after_s: float, why: str) -> Retry:
    return Retry(after_s, why)


def _sleeps(why: str, after_s: float | None = None) -> Wait:
    return Wait(Service.MODEL, why, after_s)


@pytest.mark.parametrize(
    ("error", "tries", "time_left_s", "verdict"),
    [
        # a passing failure: 1, 2, 4, 8 … seconds, until the attempts are spent
        (again, Tries(0), None, _waits(1, "again")),
        (again, Tries(1), None, _waits(2, "again")),
        (again, Tries(2), None, _waits(4, "again")),
        (again, Tries(3), None, _waits(8, "again")),
        (again, Tries(4), None, _ends(SPENT, "again (attempt 5 of 5)")),
        (again, Tries(9), None, _ends(SPENT, "again (attempt 10 of 5)")),
        (garbled, Tries(4), None, _ends(garbled.reason, "garbled (attempt 5 of 5)")),
        # what was asked for is a floor
        (asked, Tries(0), None, _waits(7, "asked")),
        (asked, Tries(3), None, _waits(8, "asked")),
        # an outage is waited out at its service's gate, however often it comes
        (busy, Tries(0), None, _sleeps("busy")),
        (busy, Tries(4), None, _sleeps("busy")),
        (limited, Tries(0), None, _sleeps("limited", 30)),
        (away, Tries(4), None, Wait(Service.CORE, "away", None)),
        # but a server that goes away over the same job again and again may be going over it
        (crash, Tries(0, 0), None, _sleeps("crash")),
        (crash, Tries(4, 2), None, _sleeps("crash")),
        (crash, Tries(0, 3), None, _waits(1, "crash")),
        (crash, Tries(4, 3), None, _ends(SPENT, "crash (attempt 5 of 5)")),
        (busy, Tries(4, 99), None, _sleeps("busy")),
        # what can never succeed ends at once, what is the worker's fault ends the worker
        (no, Tries(0), None, _ends(REFUSED, "no")),
        (no, Tries(4), 0.0, _ends(REFUSED, "no")),
        (broken, Tries(0), None, StopWorker("broken")),
        (broken, Tries(4), 0.0, StopWorker("broken")),
        # anything else is a bug: tried again, its message never repeated
        (slip, Tries(0), None, _waits(1, KEY_ERROR)),
        (slip, Tries(4), None, _ends(BUG, f"{KEY_ERROR} (attempt 5 of 5)")),
        (JobError("private text"), Tries(0), None, _waits(1, KEY_ERROR.replace("Key", "Job"))),
        # nobody waits for a time after the deadline
        (again, Tries(1), 2.001, _waits(2, "again")),
        (again, Tries(1), 2.0, _ends(EXPIRED, f"{LATE}again")),
        (busy, Tries(0), 0.001, _sleeps("busy")),
        (busy, Tries(0), 0.0, _ends(EXPIRED, f"{LATE}busy")),
        (limited, Tries(0), 20.0, _ends(EXPIRED, f"{LATE}limited")),
        (slip, Tries(0), -3.0, _ends(EXPIRED, f"{LATE}{KEY_ERROR}")),
        (again, Tries(4), 1.0, _ends(SPENT, "again (attempt 5 of 5)")),
    ],
)
def test_every_failure_has_its_consequence(
    error: Exception, tries: Tries, time_left_s: float | None, verdict: Verdict
) -> None:
    """The whole of `decide()`, without jitter."""
    found = decide(error, tries, attempts_max=MAX, time_left_s=time_left_s, jitter=0)
    assert found == verdict


@pytest.mark.parametrize(
    ("deliveries", "deadline", "refused"),
    [
        (1, None, None),
        (9, None, None),
        (10, None, (FailureReason.POISON, "delivered 10 times without an answer")),
        (11, None, (FailureReason.POISON, "delivered 11 times without an answer")),
        (1, 1_000.5, None),
        (1, 1_000.0, (EXPIRED, "the deadline passed 0 s ago")),
        (1, 910.0, (EXPIRED, "the deadline passed 90 s ago")),
        (10, 910.0, (EXPIRED, "the deadline passed 90 s ago")),
    ],
)
def test_who_is_let_in(
    deliveries: int, deadline: float | None, refused: tuple[FailureReason, str] | None
) -> None:
    """The whole of `admit()`, at 1,000 seconds."""
    found = admit(deliveries=deliveries, deliveries_max=10, deadline=deadline, now=1_000)
    assert found == (refused and Failed(reason=refused[0], message=refused[1]))


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_backoff_stays_between_half_and_whole(failures: int, jitter: float) -> None:
    """Never over a minute, never under half of what is due."""
    due = min(2.0 ** min(failures - 1, 10), 60.0)
    assert due / 2 <= backoff_s(failures, jitter) <= due <= 60


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_backoff_grows_with_failures_and_shrinks_with_jitter(failures: int, jitter: float) -> None:
    """More failures never wait less; jitter only ever takes away."""
    assert backoff_s(failures, jitter) <= backoff_s(failures + 1, jitter)
    assert backoff_s(failures, jitter) <= backoff_s(failures, 0)


@given(st.floats(0, 300), st.integers(0, 20), st.floats(0, 1))
def test_what_was_asked_for_is_a_floor(after_s: float, before: int, jitter: float) -> None:
    """No jitter brings anyone back early, and at most a tenth is added."""
    error = Retryable("x", after_s=after_s)
    verdict = decide(error, Tries(before), attempts_max=99, time_left_s=None, jitter=jitter)
    assert isinstance(verdict, Retry)
    assert after_s <= verdict.after_s <= max(after_s * 1.1, 60)


def _follow(*errors: Exception, attempts_max: int = MAX) -> tuple[RetryTracker, list[Verdict]]:
    tracker = RetryTracker(attempts_max)
    return tracker, [tracker.decide(error, time_left_s=None, jitter=0) for error in errors]


def test_snoozes_spend_no_attempt() -> None:
    """A long outage leaves every attempt; the backoff of the attempts goes on where it was."""
    tracker, verdicts = _follow(again, *[busy] * 50, again)
    assert tracker.tries == Tries(attempts=2)
    assert verdicts[0] == _waits(1, "again")
    assert verdicts[1:51] == [_sleeps("busy")] * 50
    assert verdicts[51] == _waits(2, "again")


def test_a_suspect_runs_out_of_attempts_in_the_end() -> None:
    """A prompt that takes the server down each time is not tried for ever."""
    tracker, verdicts = _follow(*[crash] * (3 + MAX))
    assert [type(v) for v in verdicts] == [Wait] * 3 + [Retry] * (MAX - 1) + [GiveUp]
    assert tracker.tries == Tries(attempts=MAX, suspicions=3)


def test_attempts_are_counted_to_the_end() -> None:
    """As many tries as there are attempts, of whatever kind, and the count says so."""
    tracker, verdicts = _follow(again, slip, again, attempts_max=3)
    assert [type(verdict) for verdict in verdicts] == [Retry, Retry, GiveUp]
    assert tracker.tries.attempts == 3
    tracker, _ = _follow(no)
    assert tracker.tries.attempts == 1


def test_a_stopped_worker_has_cost_the_job_nothing() -> None:
    """It goes back to the stream as it was."""
    tracker, _ = _follow(again, broken)
    assert tracker.tries == Tries(1, 0)


def test_a_snooze_past_the_deadline_is_no_attempt() -> None:
    """A dead letter does not claim a try that overload had prevented."""
    tracker = RetryTracker(MAX)
    verdict = tracker.decide(limited, time_left_s=1, jitter=0)
    assert isinstance(verdict, GiveUp)
    assert tracker.tries.attempts == 0
