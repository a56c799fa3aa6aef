"""How values look on a terminal: ages, counts, texts of others."""

import json
from dataclasses import asdict, is_dataclass
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape

from worker.cli.grid import Grid
from worker.operations.words import age, count, moment, of_limit, printable

__all__ = ["age", "as_json", "console", "count", "grid", "moment", "of_limit", "shown"]

_ENDLESS = 1 << 30
"""Columns where there is no terminal: no row is wrapped, no text is cut."""


def console(*, stderr: bool = False, highlight: bool = False) -> Console:
    """Where commands print: colours and folding on a terminal; elsewhere plain rows, whole.

    Neither COLUMNS nor FORCE_COLOR makes a terminal of a pipe: a mail would be cut at 80 columns.
    """
    made = Console(stderr=stderr, highlight=highlight)
    if made.is_terminal and made.file.isatty():
        return made
    return Console(stderr=stderr, highlight=highlight, force_terminal=False, width=_ENDLESS)


def shown(text: object) -> str:
    """A text of somebody else's, on one line; it steers neither the terminal nor the markup."""
    return escape(printable(str(text)).replace("\n", "\\n"))


def grid(*names: str) -> Grid:
    """A table without lines; columns whose name begins with # are numbers."""
    table = Grid()
    for name in names:
        is_number = name.startswith("#")
        table.add_column(
            name.removeprefix("#"), justify="right" if is_number else "left", no_wrap=is_number
        )
    return table


def as_json(value: object) -> str:
    """Dataclasses and models as one line of JSON."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(type(value).__name__)
