"""A job's own words: what logs say of it, how long it waited, what time it has left."""

import pytest

from shared.redis_streams import JobEntry
from worker.job import Job
from worker.queue.claimed_entry import ClaimedEntry

ENTRY = ClaimedEntry("text_tag", "1780000000500-3", {b"payload": b"private"})


def test_log_fields_hold_no_payload() -> None:
    """Ids and the type; an entry that could not be read has no job id."""
    job = Job(ENTRY, JobEntry("j", {"content": "private"}), "j")
    expected = {"job_id": "j", "job_type": "text_tag", "entry_id": "1780000000500-3"}
    assert job.log_fields == expected
    assert Job(ENTRY).log_fields == expected | {"job_id": None}


@pytest.mark.parametrize(("claimed_at", "wait_s"), [(1_780_000_002.5, 2.0), (1_779_999_999.0, 0.0)])
def test_the_wait_is_never_below_zero(claimed_at: float, wait_s: float) -> None:
    """Redis's clock and ours need not agree."""
    assert Job(ENTRY, claimed_at=claimed_at).wait_s == wait_s


def test_time_left() -> None:
    """To the deadline, where there is one and it could be read; it may be over."""
    assert Job(ENTRY).time_left_s(5) is None
    assert Job(ENTRY, JobEntry("j", {})).time_left_s(5) is None
    assert Job(ENTRY, JobEntry("j", {}, deadline=8)).time_left_s(5) == 3
    assert Job(ENTRY, JobEntry("j", {}, deadline=8)).time_left_s(10) == -2
