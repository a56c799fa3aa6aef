"""The benchmark's table."""

from benchmarks.figures import Row, figure, markdown


def test_rows_are_a_table() -> None:
    """Medians with their spreads, one run without; targets met, missed, and none at all."""
    met = Row(
        "speed", "≥ 98 %", figure([99.04, 97, 120], " %"), [("others", figure([5]))], met=True
    )
    missed = Row("size", "small", figure([0.5, 12_345.6]), (), met=False)
    fact = Row("fact", "", figure([12.34]), (), met=None)
    head, line, *rows = markdown([met, missed, fact]).splitlines()
    assert head.count("|") == line.count("|") == 6
    assert rows == [
        "| speed | ≥ 98 % | 99.0 % (97.0 to 120) | others: 5.00 | yes |",
        "| size | small | 6,173 (0.50 to 12,346) |  | **no** |",
        "| fact |  | 12.3 |  |  |",
    ]
