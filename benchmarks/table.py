"""The one table that every benchmark prints through, and the file it is kept in.

    python -m benchmarks.table monday.json saturation.json --markdown table.md

joins what several runs have written, also where one was cut short. A row says what was measured,
what it should be, what it is here, and what it is for each that was measured beside it.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

CHEAPEST = "the cheapest peer"
"""A target relative to the peer with the least median; the ideal loop is no peer."""
BEST = "the best of them"
"""A target relative to the greatest median of those beside it."""
IDEAL = "ideal loop"


@dataclass(frozen=True, slots=True)
class Figure:
    """What one contender was measured at, run by run.

    Attributes:
        name: whose figure it is.
        samples: one for each run, in the row's unit; none where there is no figure.
        note: what the figure alone does not tell, such as lost jobs.
    """

    name: str
    samples: tuple[float, ...]
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say."""
        return not self.samples and not self.note

    @property
    def median(self) -> float | None:
        """The middle of the runs."""
        return median(self.samples) if self.samples else None

    def __str__(self) -> str:
        if not self.samples:
            return self.note or "no figure"
        low, high = min(self.samples), max(self.samples)
        spread = f" ({number(low)} to {number(high)})" if len(self.samples) > 1 else ""
        return f"{number(median(self.samples))}{spread}" + (f", {self.note}" if self.note else "")


@dataclass(frozen=True, slots=True)
class Target:
    """What a row's figure should be.

    Attributes:
        bound: in the row's unit, or a ratio where it is relative.
        of: what it is relative to: a contender's name, `CHEAPEST`, or nothing.
        at_least: whether more is better; a figure should be at most its bound otherwise.
    """

    bound: float
    of: str = ""
    at_least: bool = False

    def text(self, unit: str) -> str:
        """As the table says it."""
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.bound:g} {f'x {self.of}' if self.of else unit}".strip()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured.
        unit: of every figure in it.
        ours: the worker's.
        others: what was measured beside it.
        targets: what it should be; none for a row that only informs.
    """

    what: str
    unit: str
    ours: Figure
    others: tuple[Figure, ...] = ()
    targets: tuple[Target, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nobody was measured."""
        return self.ours.is_empty and not self.others

    def ratio(self, other: Figure) -> float | None:
        """Ours over the other's, of the medians."""
        if self.ours.median is None or not other.median:
            return None
        return self.ours.median / other.median

    def verdict(self, target: Target) -> str:
        """`met`, or by how much it is missed."""
        value = self._measured(target)
        if value is None:
            return "no figure"
        is_met = value >= target.bound if target.at_least else value <= target.bound
        said = f"{value:.2f} x" if target.of else f"{number(value)} {self.unit}".strip()
        if is_met:
            return f"met ({said})"
        away = f" by {abs(value / target.bound - 1):.0%}" if target.bound else ""
        return f"missed{away} ({said})"

    def _measured(self, target: Target) -> float | None:
        if not target.of:
            return self.ours.median
        found = [figure for figure in self.others if figure.median is not None]
        if target.of == CHEAPEST:
            found = sorted((f for f in found if f.name != IDEAL), key=lambda f: f.median or 0.0)
        elif target.of == BEST:
            found = sorted(found, key=lambda f: -(f.median or 0.0))
        else:
            found = [figure for figure in found if figure.name == target.of]
        return self.ratio(found[0]) if found else None


@dataclass(frozen=True, slots=True)
class Report:
    """A run of benchmarks: where, with what, and what came of it."""

    header: dict[str, str]
    rows: tuple[Row, ...]

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> "Report":
        """Read what `to_json` wrote."""
        raw = json.loads(text)
        return Report(raw["header"], tuple(_row(row) for row in raw["rows"]))

    def to_markdown(self) -> str:
        """As it stands in a README."""
        head = [f"- {name}: {value}" for name, value in self.header.items()]
        lines = ["| what | target | llm-worker | beside it (ours over theirs) | |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for row in self.rows:
            cells = ["<br>".join(cell).replace("|", "\\|") for cell in _cells(row)]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join([*head, "", *lines, ""])

    def show(self, console: Console) -> None:
        """Print it; where nobody watches as Markdown, a whole row a line."""
        if not console.is_terminal:
            console.file.write(self.to_markdown())
            return
        for name, value in self.header.items():
            console.print(f"{name}: {escape(value)}", highlight=False)
        titles = ("what", "target", "llm-worker", "beside it (ours over theirs)", "")
        table = Table(*titles, show_lines=True)
        for row in self.rows:
            table.add_row(*(escape("\n".join(cell)) for cell in _cells(row)))
        console.print(table)

    def write(self, stem: Path) -> None:
        """Write `stem.md` and `stem.json`."""
        stem.with_suffix(".md").write_text(self.to_markdown(), encoding="utf-8")
        stem.with_suffix(".json").write_text(self.to_json(), encoding="utf-8")


def joined(reports: Sequence[Report]) -> Report:
    """One report of several, as if each had gone on where the one before it had ended.

    Where they say different things of the machine, all are said. A row that several have is one,
    with the runs of all of them.
    """
    header: dict[str, str] = {}
    for name in dict.fromkeys(name for report in reports for name in report.header):
        said = dict.fromkeys(r.header[name] for r in reports if name in r.header)
        header[name] = "; ".join(said)
    rows: dict[tuple[str, str], Row] = {}
    for row in (row for report in reports for row in report.rows):
        known = rows.get((row.what, row.unit))
        rows[row.what, row.unit] = row if known is None else _together(known, row)
    return Report(header, tuple(rows.values()))


def _together(one: Row, other: Row) -> Row:
    figures: dict[str, Figure] = {}
    for figure in (*one.others, *other.others):
        known = figures.get(figure.name)
        figures[figure.name] = figure if known is None else _more(known, figure)
    return replace(one, ours=_more(one.ours, other.ours), others=tuple(figures.values()))


def _more(one: Figure, other: Figure) -> Figure:
    notes = dict.fromkeys(note for note in (one.note, other.note) if note)
    return Figure(one.name, one.samples + other.samples, "; ".join(notes))


def number(value: float) -> str:
    """With as many digits as mean something."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _cells(row: Row) -> tuple[list[str], ...]:
    others: list[str] = []
    for figure in row.others:
        ratio = row.ratio(figure)
        others.append(f"{figure.name}: {figure}" + ("" if ratio is None else f" [{ratio:.2f}]"))
    return (
        [f"{row.what}, {row.unit}" if row.unit else row.what],
        [target.text(row.unit) for target in row.targets] or ["-"],
        [str(row.ours)],
        others or ["-"],
        [row.verdict(target) for target in row.targets] or ["-"],
    )


def _row(raw: dict[str, Any]) -> Row:
    return Row(
        raw["what"],
        raw["unit"],
        _figure(raw["ours"]),
        tuple(_figure(figure) for figure in raw["others"]),
        tuple(Target(**target) for target in raw["targets"]),
    )


def _figure(raw: dict[str, Any]) -> Figure:
    return Figure(raw["name"], tuple(raw["samples"]), raw["note"])


def main() -> None:
    """Join reports and print them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--markdown", type=Path)
    chosen = parser.parse_args()
    reports = [Report.from_json(file.read_text(encoding="utf-8")) for file in chosen.files]
    report = joined(reports)
    report.show(Console())
    if chosen.markdown is not None:
        chosen.markdown.write_text(report.to_markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
