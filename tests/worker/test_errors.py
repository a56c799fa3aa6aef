"""The four errors: what each carries."""

import pytest

from shared.enums import FailureReason
from worker.errors import Halt, JobError, Reject, Retryable, Snooze


def test_there_are_four() -> None:
    """A fifth would need a place in `decide()`."""
    assert set(JobError.__subclasses__()) == {Retryable, Snooze, Reject, Halt}
    assert not any(kind.__subclasses__() for kind in JobError.__subclasses__())


@pytest.mark.parametrize(
    "error",
    [Retryable("why"), Snooze("why"), Reject(FailureReason.BUG, "why"), Halt("why")],
)
def test_each_says_why(error: JobError) -> None:
    """`str()` is the line for the log."""
    assert str(error) == "why"


def test_what_they_carry() -> None:
    """Waits are left to the backoff unless somebody asked; reasons have one default."""
    assert Retryable("x").after_s is None
    assert Retryable("x").reason is FailureReason.ATTEMPTS_EXHAUSTED
    assert Retryable("x", after_s=2, reason=FailureReason.BUG).after_s == 2
    assert Snooze("x", after_s=3).after_s == 3
    assert Reject(FailureReason.INVALID_IMAGE, "x").reason is FailureReason.INVALID_IMAGE
