"""The plan of faults comes from its seed alone."""

from tests.chaos.plan import Kind, plan


def test_the_same_seed_is_the_same_plan() -> None:
    """A failing run can be tried again; another seed is another run."""
    assert plan(7, 60, 4, 2.0) == plan(7, 60, 4, 2.0)
    assert plan(7, 60, 4, 2.0) != plan(8, 60, 4, 2.0)


def test_a_minute_holds_every_kind() -> None:
    """Faults are drawn like cards, so none is forgotten; each begins within the run."""
    faults = plan(1, 60, 4, 2.0)
    assert {fault.kind for fault in faults} == set(Kind)
    assert all(0 < fault.at_s < 60 for fault in faults)
    assert faults == sorted(faults, key=lambda fault: fault.at_s)


def test_a_freeze_outlasts_the_lease() -> None:
    """A shorter one would prove nothing."""
    frozen = [fault for fault in plan(1, 600, 4, 2.0) if fault.kind is Kind.WORKER_FREEZE]
    assert frozen
    assert all(fault.length_s > 2.0 for fault in frozen)
