"""What a Redis that takes no writes means to people is said with what mends it."""

import pytest

from worker.operations.refused_writes import RefusedWrites, meaning, remedy


@pytest.mark.parametrize(
    ("code", "jobs"),
    [
        ("OOM", "what is queued is worked off"),
        ("MISCONF", "all jobs wait"),
        ("READONLY", "all jobs wait"),
        ("NEW", "all jobs wait"),
    ],
)
def test_producers_are_refused_and_work_goes_on_where_it_is_only_full(code: str, jobs: str) -> None:
    """In the order: what is, what comes of it, what to do."""
    said = str(RefusedWrites("it is so", remedy(code), meaning(code)))
    means = f"nothing new can be enqueued, producers are refused; {jobs}"
    assert said == f"it is so; {means}; {remedy(code)}"
