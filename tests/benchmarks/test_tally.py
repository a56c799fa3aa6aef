"""Counts that processes share."""

from pathlib import Path

from benchmarks.tally import Count, Tally


def test_two_who_open_the_file_see_the_same_numbers(tmp_path: Path):
    """One counts, the other looks; each number is its own."""
    writer, reader = Tally(tmp_path / "tally"), Tally(tmp_path / "tally")
    writer.add(Count.DONE)
    writer.add(Count.DONE)
    writer.add(Count.MODEL)
    assert [reader[count] for count in Count] == [2, 0, 0, 1]
