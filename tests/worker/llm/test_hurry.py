"""The time that waiting takes from a call."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enums import FailureReason
from tests.worker.llm.model_servers import chat_request
from worker.errors import Reject
from worker.llm.hurry import in_time

SECONDS = st.floats(0.001, 1_000)


@given(SECONDS, SECONDS, st.floats(0, 1_000))
def test_waiting_and_calling_stay_within_the_deadline(
    limit_s: float, left_s: float, waited_s: float
) -> None:
    """And no call has more than its own limit."""
    request = replace(chat_request(), timeout_s=limit_s, left_s=left_s)
    if waited_s < left_s:
        found = in_time(request, waited_s)
        assert 0 < found.timeout_s <= limit_s
        assert waited_s + found.timeout_s <= left_s * (1 + 1e-9)
    else:
        with pytest.raises(Reject) as caught:
            in_time(request, waited_s)
        assert caught.value.reason is FailureReason.EXPIRED


def test_without_a_deadline_waiting_costs_nothing() -> None:
    """The call has all its time: a server is not to look slow because others were before it."""
    request = chat_request(20.0)
    assert in_time(request, 500.0) is request


@pytest.mark.parametrize(
    ("waited_s", "timeout_s", "hurried"),
    [(0, 20, False), (10, 20, False), (15, 15, False), (21, 9, True)],
)
def test_who_has_waited_long_is_in_a_hurry(waited_s: int, timeout_s: int, hurried: bool) -> None:
    """From less than half of its time on."""
    found = in_time(replace(chat_request(20.0), left_s=30.0), waited_s)
    assert (found.timeout_s, found.hurried) == (timeout_s, hurried)
