"""A short chaos run with real processes: every invariant holds."""

import pytest

from tests.chaos.run import Options, run
from tests.chaos.summary import summary

pytestmark = pytest.mark.process


async def test_nothing_is_lost_doubled_or_paid_for_twice() -> None:
    """Three workers, some 300 jobs and 15 seconds of faults, of every kind, break no invariant."""
    outcome = await run(Options(seed=22, seconds=15, jobs=300, workers=3))
    assert not outcome.broken, summary(outcome)
    assert outcome.faults.total() >= 10
    assert len(outcome.evidence.enqueued.jobs) == 300
