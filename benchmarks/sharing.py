"""Do workers that know of each other only what they tell share one server evenly, and keep it full?

    python -m benchmarks.sharing

Real: the limits (`worker/llm/limit.py`) and the rule by which they draw level. Made up: the server
(seats, a queue, answers of log-normal length, a second in the mean), its /metrics (exact, asked
about once a second by each worker), Redis (at once), and time: nothing here depends on the machine.
All workers have endless work; the last one joins after a minute, when the server is full.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rich.console import Console
from rich.table import Table

from tests.worker.llm.batching_server import Seen, Toy

SEATS = (64, 256)
WORKERS = (2, 4, 8, 16)
JOINS_S = 60.0
"""When the last worker joins."""
LOOKED_AT_S = 60.0
"""How long, from then on, it is looked at; the last half tells how it ends."""
NEVER_S = float("inf")


@dataclass(frozen=True, slots=True)
class Found:
    """Of several runs: means, and of the times and peaks the worst."""

    busy: float
    queue: float
    queue_peak: float
    fairness: float
    even_s: float


def measure(seats: int, workers: int, *, heard: bool, seeds: Sequence[int]) -> Found:
    """Let the last of so many workers join a full server, once for each seed."""
    first: list[Seen] = []
    last: list[Seen] = []
    for seed in seeds:
        joins = [0.0] * (workers - 1) + [JOINS_S]
        end_s = JOINS_S + LOOKED_AT_S
        for seen, from_s in ((first, JOINS_S), (last, JOINS_S + LOOKED_AT_S / 2)):
            toy = Toy(seats, joins, mean_s=1.0, seed=seed, heard=heard)
            seen.append(toy.run(end_s, from_s=from_s))
    evens = [NEVER_S if seen.even_at_s is None else seen.even_at_s for seen in first]
    return Found(
        busy=fmean(seen.busy for seen in first),
        queue=fmean(seen.queue for seen in first),
        queue_peak=max(seen.queue_peak for seen in first),
        fairness=fmean(seen.fairness for seen in last),
        even_s=max(evens),
    )


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="runs of each line")
    seeds = range(parser.parse_args().seeds)
    table = Table("seats", "workers", "hear of each other", box=None, header_style="")
    for name in ("busy", "waiting", "at most", "Jain at the end", "even after (worst)"):
        table.add_column(name, justify="right")
    for seats in SEATS:
        for workers in WORKERS:
            for heard in (False, True):
                found = measure(seats, workers, heard=heard, seeds=seeds)
                table.add_row(str(seats), str(workers), "yes" if heard else "no", *_cells(found))
    Console(width=110).print(table)


def _cells(found: Found) -> list[str]:
    even = f"> {LOOKED_AT_S:.0f} s" if found.even_s == NEVER_S else f"{found.even_s:.1f} s"
    return [
        f"{found.busy:.1%}",
        f"{found.queue:.1%}",
        f"{found.queue_peak:.0%}",
        f"{found.fairness:.3f}",
        even,
    ]


if __name__ == "__main__":
    main()
