"""Rows on a terminal, and the same where none is."""

import io

import pytest
from rich.console import Console

from worker.cli.grid import Grid
from worker.cli.words import grid, shown

ADDRESS = "http://a-server-with-a-long-name.somewhere.example:4451/v1"
LONG = f"the model server at {ADDRESS} is not there, says the night"


def _lines(table: Grid, width: int, *, terminal: bool) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=terminal, color_system=None).print(table)
    return stream.getvalue().splitlines()


def _one_row(*cells: str) -> Grid:
    table = grid("what", "#many", "state")
    table.add_row(*cells)
    return table


def test_elsewhere_a_row_is_one_line() -> None:
    """Whole, whatever it has; without colours, and with nothing behind it."""
    table = _one_row("größe", "12", f"[red]{shown(LONG)}[/]\n{LONG}")
    table.add_row("日本", "1", "")
    assert _lines(table, 1 << 30, terminal=False) == [
        "what   many  state",
        f"größe    12  {LONG}; {LONG}",
        "日本      1",
    ]


def test_a_long_text_moves_only_its_own_row() -> None:
    """Or one address would push all that is to be done out of sight."""
    table = grid("found", "what to do")
    table.add_row("x" * 100, "mend it")
    table.add_row("y", "leave it")
    told = ["found  what to do", f"{'x' * 100}  mend it", "y      leave it"]
    assert _lines(table, 1 << 30, terminal=False) == told


def test_a_row_of_a_million_letters() -> None:
    """The text of somebody else's: as long as it is."""
    text = "x" * 1_000_000 + "!"
    assert _lines(_one_row("a", "1", text), 1 << 30, terminal=False)[1].endswith("x!")


def test_no_markup_of_others() -> None:
    """What was escaped is shown as it was written."""
    evil = "[red]evil[/] [/nothing]"
    assert _lines(_one_row(shown(evil), "1", "x"), 1 << 30, terminal=False)[1].startswith(evil)


@pytest.mark.parametrize("width", [30, 60, 200])
def test_what_goes_on_is_moved_in(width: int) -> None:
    """On a terminal each text of a cell begins at its left, and nothing of it is lost."""
    table = grid("state")
    table.add_row(f"{LONG}\nsecond")
    _, *lines = [line.rstrip() for line in _lines(table, width, terminal=True)]
    assert [line[:2].strip() for line in lines if not line.startswith("  ")] == ["th", "se"]
    assert "".join("".join(lines).split()) == "".join((LONG + "second").split())
    assert len(lines) == 2 or width < 200


def test_what_a_terminal_shows_of_a_long_text() -> None:
    """It is seen that something is missing; elsewhere nothing is."""
    table = grid("name")
    table.add_column("error", max_width=20)
    table.add_row("a", LONG)
    told = " ".join(_lines(table, 80, terminal=True)[1].split())
    assert told == f"a {LONG[:19]}…"
    assert _lines(table, 80, terminal=False)[1].startswith("a     the model server at http")


def test_numbers_that_do_not_fit_end_in_a_mark() -> None:
    """They are not folded into two numbers."""
    table = grid("#many", "#more")
    table.add_row("1,234,567", "1,234,567")
    assert "…" in _lines(table, 12, terminal=True)[1]
