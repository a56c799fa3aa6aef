"""How long the streams were about a minute ago."""

from worker.steering.tide import Tide


def test_about_a_minute_ago() -> None:
    """The first look of the last minute; before there is one nothing is known."""
    tide = Tide()
    assert tide.before() == {}
    for second in range(0, 100, 5):
        tide.note(1_000.0 + second, {"a": second, "b": 7})
    assert tide.before() == {"a": (1_035.0, 35), "b": (1_035.0, 7)}


def test_beats_in_a_row_push_nothing_out() -> None:
    """A worker that is nudged again and again remembers no less."""
    tide = Tide()
    for tenth in range(500):
        tide.note(1_000.0 + tenth / 10, {"a": tenth})
    assert tide.before() == {"a": (1_000.0, 0)}


def test_after_an_outage_or_with_another_clock() -> None:
    """It begins anew: what was gained meanwhile was not gained in a minute."""
    tide = Tide()
    for at in (1_000.0, 1_050.0, 1_300.0):
        tide.note(at, {"a": int(at)})
    assert tide.before() == {"a": (1_300.0, 1_300)}
    tide.note(900.0, {"a": 1})
    assert tide.before() == {"a": (900.0, 1)}
