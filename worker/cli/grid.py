"""A table without lines that knows where it is shown: it wraps for people, not for programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.containers import Lines
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

__all__ = ["Grid"]

_INDENT = 2
"""Columns by which a text is moved in where it goes on: a new row begins further left."""
_LEAST = 12
"""Columns below which moving in would leave nothing to read."""
_ALIGNED = 60
"""Columns up to which texts without a terminal are padded: a longer one moves only its own row."""


class Grid(Table):
    """Rows under names; what is handed to it as text is read as markup.

    On a terminal texts wrap in their column, moved in where they go on. Elsewhere every row is one
    line, however long: `grep` finds whole what a mail or a pipe was given. A column's `max_width`
    is how much of a text a terminal shows.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(box=None, pad_edge=False, **options)

    def add_row(self, *renderables: RenderableType | None, **options: Any) -> None:
        """Append a row, a text for each column."""
        texts = [Text.from_markup(each) if isinstance(each, str) else each for each in renderables]
        of = zip_longest(texts, self.columns[: len(texts)])
        super().add_row(*(_wrapping(text, column) for text, column in of), **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich asks for it."""
        if console.is_terminal:
            yield from super().__rich_console__(console, options)
            return
        for line in self._lines():
            yield Text(line, no_wrap=True, overflow="ignore")

    def _lines(self) -> Iterator[str]:
        """Each row as a line; nothing stands behind its last word."""
        columns = [
            [*([_plain(column.header)] if self.show_header else ()), *map(_plain, column.cells)]
            for column in self.columns
        ]
        lengths = [map(cell_len, cells) for cells in columns]
        widths = [max((n for n in each if n <= _ALIGNED), default=0) for each in lengths]
        for row in zip(*columns, strict=True):
            cells = zip(row, widths, self.columns, strict=True)
            yield "  ".join(_padded(*cell) for cell in cells).rstrip()


@dataclass(frozen=True, slots=True)
class _Hanging:
    """A text whose lines are moved in where they go on from the line above.

    Attributes:
        seen: so many columns of it are shown; None for all.
    """

    text: Text
    seen: int | None = None

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self.text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        indent = _INDENT if width >= _LEAST else 0
        for line in self._lines():
            first, *_ = line.wrap(console, width)
            yield first
            rest = line[len(first.plain) :]
            rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
            for more in rest.wrap(console, width - indent) if rest.plain else ():
                yield Text(" " * indent) + more

    def _lines(self) -> Lines:
        text = self.text.copy()
        if self.seen is not None:
            text.truncate(self.seen, overflow="ellipsis")
        return text.split(allow_blank=True)


def _wrapping(text: RenderableType | None, column: Column | None) -> RenderableType | None:
    if not isinstance(text, Text) or column is None or column.no_wrap:
        return text
    return _Hanging(text, column.max_width)


def _plain(cell: RenderableType) -> str:
    text = cell.text if isinstance(cell, _Hanging) else cell
    plain = text.plain if isinstance(text, Text) else str(text)
    return "; ".join(plain.split("\n"))


def _padded(text: str, width: int, column: Column) -> str:
    space = " " * (width - cell_len(text))
    return space + text if column.justify == "right" else text + space
