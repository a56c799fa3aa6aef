"""What Core's answers mean, and the keys of our requests: the pure half of the client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core_api_client import idempotency_key, retry_after_s
from worker.core_errors import from_status
from worker.errors import Halt, Reject, Retryable, Snooze

DATE = "Mon, 04 May 2026 12:00:00 GMT"


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_is_one_of_the_four(status: int) -> None:
    """The whole table: outages wait, bad credentials stop, other 4xx never succeed."""
    error = from_status(status, "why", 7)
    if status in {401, 403}:
        assert type(error) is Halt
        assert str(error) == "why: check CORE_API_TOKEN"
    elif status in {408, 425, 429, 502, 503, 504}:
        assert isinstance(error, Snooze)
        assert error.after_s == 7
    elif 400 <= status < 500:
        assert isinstance(error, Reject)
        assert error.reason == "core_rejected"
    else:
        assert isinstance(error, Retryable)
        assert error.after_s == 7


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("-3", 0.0),
        ("86400", 300.0),
        ("inf", 300.0),
        ("nan", None),
        ("soon", None),
        ("Mon, 04 May 2026 12:00:09 GMT", 9.0),
        ("Mon, 04 May 2026 11:00:00 GMT", 0.0),
        ("Tue, 05 May 2026 12:00:00 GMT", 300.0),
        ("Mon, 04 May 2026 12:00:09 -0000", None),
        ("1 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_in_every_form(value: str | None, seconds: float | None) -> None:
    """Seconds or a date, never more than five minutes; nonsense is ignored."""
    assert retry_after_s(value, {"Date": DATE}) == seconds


def test_a_date_without_a_date_to_hold_it_against_is_ignored() -> None:
    """Our own clock may be wrong by hours."""
    assert retry_after_s(DATE, {}) is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_breaks_it(value: str, date: str) -> None:
    """Whatever stands there, the answer is a sane wait or none."""
    seconds = retry_after_s(value, {"Date": date})
    assert seconds is None or 0 <= seconds <= 300


@given(st.text(min_size=1), st.text(min_size=1))
def test_keys_fit_into_a_header_and_never_meet(first: str, second: str) -> None:
    """Printable ASCII, the same each time, and different for different parts."""
    first, second = (text.encode(errors="replace").decode() for text in (first, second))
    key = idempotency_key(first, 0, second)
    assert key == idempotency_key(first, 0, second)
    assert key.isascii()
    assert key.isprintable()
    assert " " not in key
    assert (key == idempotency_key(second, 0, first)) == (first == second)
