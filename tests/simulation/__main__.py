"""`python -m tests.simulation --seeds 10000`: many worlds; `--seed N`: one, with what happened."""

import argparse
import asyncio
import os
import subprocess
import sys
import time

from tests.simulation.run import Result, same_everywhere, simulate, simulate_many

_PROGRESS_EVERY_S = 10.0


def main() -> int:
    """Run what was asked for; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one world, and all that happened in it")
    parser.add_argument("--about", default="", help="with --seed: only lines that hold this text")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    asked = parser.parse_args()
    if asked.seed is None:
        return _many(asked.first, asked.seeds, asked.jobs)
    if os.environ.get("PYTHONHASHSEED") != "0":
        again = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        return subprocess.run(again, env=same_everywhere(), check=False).returncode
    return _one(asked.seed, asked.about)


def _one(seed: int, about: str) -> int:
    result = simulate(seed)
    print("\n".join(line for line in result.lines if about in line))
    print(f"seed {seed}, trace {result.digest}: {result.figures}")
    print("\n".join(result.wrongs) or "nothing is wrong")
    return 1 if result.wrongs else 0


def _many(first: int, count: int, jobs: int) -> int:
    progress = _Progress(count)
    figures = asyncio.run(simulate_many(first, count, jobs, progress.take))
    wall_s = time.perf_counter() - progress.started
    per_minute = figures.hours / wall_s * 60
    print(f"{figures}; {wall_s:.0f} s of wall time, {per_minute:.0f} simulated hours a minute")
    print(f"{progress.failed} of {figures.worlds} worlds went wrong")
    return 1 if progress.failed else 0


class _Progress:
    """Says how far it is, and what went wrong as soon as it does."""

    def __init__(self, count: int) -> None:
        self.started = time.perf_counter()
        self.failed = 0
        self._count = count
        self._done = 0
        self._said = self.started

    def take(self, result: Result) -> None:
        """Count one world."""
        self._done += 1
        if result.wrongs:
            self.failed += 1
            print(f"seed {result.seed} went wrong; --seed {result.seed} tells it all:")
            for wrong in result.wrongs[:5]:
                print(f"    {wrong}")
        now = time.perf_counter()
        if now - self._said >= _PROGRESS_EVERY_S:
            self._said = now
            print(
                f"{self._done:,} of {self._count:,} worlds, {now - self.started:.0f} s", flush=True
            )


if __name__ == "__main__":
    sys.exit(main())
