"""Every row of the table, in one run: `python -m benchmarks --out build/bench`.

`make bench` does it, with the virtual environments that the peers need. `--quick` is a small pass
over everything, `--rows cpu queue` chooses rows, `--only ours ideal saq` contenders.
"""

import argparse
import asyncio
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console

from benchmarks.interleaved import Scale
from benchmarks.machine import header
from benchmarks.rows_cpu import cpu_of_queue, cpu_with_work
from benchmarks.rows_latency import latency
from benchmarks.rows_memory import memory
from benchmarks.rows_recovery import recovery
from benchmarks.table import Figure, Report, Row


def saturation(scale: Scale) -> list[Row]:
    """How full a batching server is kept, measured and judged by `benchmarks.saturation`."""
    if importlib.util.find_spec("benchmarks.saturation") is None:
        return []
    found = asyncio.run(importlib.import_module("benchmarks.saturation").rows(scale.quick))
    return [_judged(row) for row in found]


def _judged(row: Any) -> Row:
    unit = row.ours.unit.strip()
    verdict = {True: "met", False: "missed", None: ""}[row.met]
    return Row(
        row.what,
        unit,
        _summed("llm-worker", row.ours, unit),
        tuple(_summed(name, figure, unit) for name, figure in row.compared),
        judged=((row.target, verdict),) if row.target else (),
    )


def _summed(name: str, figure: Any, unit: str) -> Figure:
    own = figure.unit.strip()
    return Figure(name, (figure.low, figure.median, figure.high), "" if own == unit else own)


ROWS: Mapping[str, Callable[[Scale], list[Row]]] = MappingProxyType(
    {
        "cpu": cpu_with_work,
        "queue": cpu_of_queue,
        "saturation": saturation,
        "recovery": recovery,
        "latency": latency,
        "memory": memory,
    }
)


def main() -> None:
    """Run the rows and print their table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, help="of each contender; 5, or 1 when quick")
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--only", nargs="+", default=(), help="modules in benchmarks/peers/")
    parser.add_argument("--out", type=Path, help="written as OUT.md and OUT.json")
    chosen = parser.parse_args()
    scale = Scale(chosen.runs or (1 if chosen.quick else 5), chosen.quick, tuple(chosen.only))
    head, rows = header(scale.runs, quick=scale.quick), list[Row]()
    for name in chosen.rows:
        rows += ROWS[name](scale)
        if chosen.out is not None:  # each time: hours may pass until the last row
            chosen.out.parent.mkdir(parents=True, exist_ok=True)
            Report(head, tuple(rows)).write(chosen.out)
    Report(head, tuple(rows)).show(Console())


if __name__ == "__main__":
    main()
