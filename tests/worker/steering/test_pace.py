"""How many jobs ended in the last minute."""

from worker.steering.pace import Pace


def test_a_minute_and_no_more() -> None:
    """What is older counts no more; memory is bounded by twelve steps."""
    pace = Pace()
    for second in range(0, 600, 5):
        pace.note("text_tag", float(second), completed=second % 10 == 0)
    assert pace.last_minute(599.0) == {"text_tag": (6, 6)}
    assert pace.last_minute(630.0) == {"text_tag": (2, 3)}
    assert pace.last_minute(2_000.0) == {}


def test_by_job_type() -> None:
    """Each by itself."""
    pace = Pace()
    pace.note("a", 1.0, completed=True)
    pace.note("b", 1.0, completed=False)
    pace.note("a", 2.0, completed=True)
    assert pace.last_minute(3.0) == {"a": (2, 0), "b": (0, 1)}
