"""The table of what can go wrong: total, consistent, and with a rule for every status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import Halt, JobError, Reject, Retryable, Snooze
from worker.llm.causes import RULES, Cause, Disposition, http_cause, job_error, rule

ERRORS: dict[Disposition, type[JobError]] = {
    Disposition.REASK: Retryable,
    Disposition.RETRY: Retryable,
    Disposition.SNOOZE: Snooze,
    Disposition.REJECT: Reject,
    Disposition.HALT: Halt,
}


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_rule(cause: Cause) -> None:
    """Nothing is left to a default."""
    assert cause in RULES


@given(st.integers(100, 999))
def test_every_status_leads_somewhere(status: int) -> None:
    """A status nobody has assigned follows its class, and the error carries its name."""
    cause = http_cause(status)
    found = rule(cause)
    error = job_error(cause, "words", after_s=1.0)
    assert type(error) is ERRORS[found.disposition]
    assert (error.cause, str(error)) == (cause, "words")
    assert found.against_server == (500 <= status <= 599)


@given(st.text(max_size=20))
def test_any_word_leads_somewhere(word: str) -> None:
    """A cause that this version does not know is a passing failure, or what its class is."""
    assert isinstance(job_error(word, "x"), JobError)


@pytest.mark.parametrize(
    "cause",
    [cause for cause in Cause if cause not in {Cause.TIMEOUT, Cause.CONNECTION_ERROR,
                                               Cause.BROKEN_REPLY}],
)  # fmt: skip
def test_what_the_breaker_does_not_count(cause: Cause) -> None:
    """Answers that cannot be used are the model's fault, not the server's."""
    assert not rule(cause).against_server


def test_the_details_travel() -> None:
    """What the server asked for, and whether the job is suspected."""
    error = job_error(Cause.CONNECTION_ERROR, "gone", after_s=3.0, suspect=True)
    assert isinstance(error, Snooze)
    assert (error.after_s, error.suspect) == (3.0, True)
