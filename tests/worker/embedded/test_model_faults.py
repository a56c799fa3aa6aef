"""Faults in their order."""

import pytest
from pydantic import ValidationError

from worker.embedded.model_faults import Fault, FaultQueue


def test_faults_come_in_order_and_end() -> None:
    """Each fault is taken as often as it was asked for."""
    queue = FaultQueue()
    queue.add(Fault(status=503, count=2))
    queue.add(Fault(text="not json"))
    taken = [queue.take() for _ in range(4)]
    assert [fault and fault.status for fault in taken] == [503, 503, None, None]
    assert [fault and fault.text for fault in taken] == [None, None, "not json", None]


def test_unknown_fault_is_refused() -> None:
    """A typing error in a test is no silent success."""
    with pytest.raises(ValidationError):
        Fault.model_validate({"staus": 503})


def test_faults_of_a_schedule_begin_and_end_by_the_clock() -> None:
    """Every completion of that time fails; those that are counted wait until it is over."""
    now = [100.0]
    queue = FaultQueue(lambda: now[0])
    queue.add(Fault(status=500))
    queue.add(Fault(status=503, after_s=10, for_s=30))
    queue.add(Fault(status=429, after_s=60, for_s=1))
    assert len(queue) == 3
    found: list[int | None] = []
    for now[0] in (100.0, 109.9, 110.0, 139.9, 140.0, 160.5, 161.0):
        fault = queue.take()
        found.append(fault and fault.status)
    assert found == [500, None, 503, 503, None, 429, None]
    assert len(queue) == 0


def test_a_fault_that_begins_later_has_an_end() -> None:
    """A count says nothing of when."""
    with pytest.raises(ValidationError, match="how long"):
        Fault(status=503, after_s=5)
