"""What a benchmark found: rows of figures, each a median with its spread, and their table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity over several runs."""

    median: float
    low: float
    high: float
    unit: str = ""

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{_short(self.median)}{self.unit}"
        spread = f"{_short(self.low)} to {_short(self.high)}"
        return f"{_short(self.median)}{self.unit} ({spread})"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: was measured.
        target: in words.
        ours: the worker's figure.
        compared: names and figures of the others, from the same runs.
        met: whether the target was; None where a line has none.
    """

    what: str
    target: str
    ours: Figure
    compared: Sequence[tuple[str, Figure]]
    met: bool | None


def figure(values: Sequence[float], unit: str = "") -> Figure:
    """The figure of some runs, at least one."""
    return Figure(median(values), min(values), max(values), unit)


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = ["| what | target | llm-worker | compared with | met |", "| --- " * 5 + "|"]
    for row in rows:
        others = "; ".join(f"{name}: {found}" for name, found in row.compared)
        met = "" if row.met is None else ("yes" if row.met else "**no**")
        lines.append(f"| {row.what} | {row.target} | {row.ours} | {others} | {met} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    """Three digits that tell, or all of those before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
