"""The table, in one run: `python -m benchmarks --out build/bench`.

`make bench` does it, with the virtual environments that the peers need. `--rows cpu queue` chooses
parts, `--only ours ideal saq fixed-64 8-workers` who takes turns in them, `--size` how much there
is of everything. What is known is written after every single measurement, so that a run that is
cut short leaves its table, and `python -m benchmarks.table *.json` puts several together.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from rich.console import Console

from benchmarks.machine import header
from benchmarks.rows_cpu import cpu_of_queue, cpu_with_work
from benchmarks.rows_latency import latency
from benchmarks.rows_memory import memory
from benchmarks.rows_recovery import recovery
from benchmarks.rows_saturation import LARGE, SMALL, alone, late, shared
from benchmarks.rows_scale import backlogs, processes
from benchmarks.sizes import SIZES, Size
from benchmarks.table import Report, Row
from benchmarks.turns import Part

PARTS: Mapping[str, Callable[[Size], Part]] = MappingProxyType(
    {
        "cpu": cpu_with_work,
        "queue": cpu_of_queue,
        "memory": memory,
        "latency": latency,
        "seats-64": partial(alone, shape=SMALL),
        "seats-256": partial(alone, shape=LARGE),
        "shared": shared,
        "late": late,
        "recovery-redis": partial(recovery, service="redis"),
        "recovery-model": partial(recovery, service="model"),
        "processes": processes,
        "backlogs": backlogs,
    }
)
GROUPS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "saturation": ("seats-64", "seats-256", "shared", "late"),
        "recovery": ("recovery-redis", "recovery-model"),
        "scale": ("processes", "backlogs"),
    }
)
"""Names for several parts."""
TABLE = tuple(name for name in PARTS if name not in GROUPS["scale"])
"""What there is when nobody chooses."""


def main() -> None:
    """Run the parts and print their table."""
    chosen, size = _chosen()
    signal.signal(signal.SIGTERM, _end)
    names = dict.fromkeys(part for row in chosen.rows for part in GROUPS.get(row, (row,)))
    parts = {name: PARTS[name](size).only(chosen.only) for name in names}
    _say("about " + ", ".join(f"{name} {_minutes([part])}" for name, part in parts.items()))
    report = Report(header(chosen.size, size), ())
    for number, (name, part) in enumerate(parts.items()):
        later = [*parts.values()][number + 1 :]
        _say(f"{name}: about {_minutes([part])}, and {_minutes(later)} for what comes then")
        rows: list[Row] = []
        for rows in part.measured(_say):
            _keep(replace(report, rows=(*report.rows, *rows)), chosen.out)
        report = replace(report, rows=(*report.rows, *rows))
    report.show(Console())


def _end(_number: int, _frame: object) -> NoReturn:
    """Told to end, it ends what it has started, as after Ctrl-C."""
    raise SystemExit(143)


def _chosen() -> tuple[argparse.Namespace, Size]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--size", choices=list(SIZES), default="medium")
    parser.add_argument("--quick", action="store_const", const="quick", dest="size")
    parser.add_argument("--runs", type=int, help="of everybody, instead of the size's")
    parser.add_argument("--backlogs", nargs="+", type=int, help="lengths, instead of the size's")
    parser.add_argument("--rows", nargs="+", choices=[*GROUPS, *PARTS], default=TABLE)
    parser.add_argument("--only", nargs="+", default=(), metavar="WHO")
    parser.add_argument("--out", type=Path, help="written as OUT.md and OUT.json")
    chosen = parser.parse_args()
    size = SIZES[chosen.size]
    if chosen.runs:
        size = replace(size, runs=chosen.runs, long_runs=chosen.runs)
    if chosen.backlogs:
        size = replace(size, backlogs=tuple(chosen.backlogs))
    known = {turn.key for make in PARTS.values() for turn in make(size).turns}
    if unknown := {*chosen.only} - known:
        parser.error(f"--only: {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    return chosen, size


def _minutes(parts: Sequence[Part]) -> str:
    return f"{sum(part.expected_s for part in parts) / 60:.0f} min"


def _keep(report: Report, out: Path | None) -> None:
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        report.write(out)


def _say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
