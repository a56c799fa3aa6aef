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
