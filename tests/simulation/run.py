"""Runs worlds by their seeds, in several processes, and adds up what happened in them."""

import asyncio
import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tests.simulation.invariants import check
from tests.simulation.model import End
from tests.simulation.world import World, simulated

_SECONDS_PER_HOUR = 3_600


@dataclass(slots=True)
class Figures:
    """How much happened."""

    worlds: int = 0
    hours: float = 0.0
    jobs: int = 0
    crashes: int = 0
    freezes: int = 0
    drains: int = 0
    outages: int = 0
    losses: int = 0
    takeovers: int = 0
    model_calls: int = 0
    failed_calls: int = 0

    def add(self, other: "Figures") -> None:
        """Add up."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def __str__(self) -> str:
        named = asdict(self) | {"hours": round(self.hours)}
        return ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in named.items())


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one seed."""

    seed: int
    wrongs: list[str]
    digest: str
    """Of everything that happened, in its order."""
    figures: Figures
    lines: list[str] = field(default_factory=list[str], repr=False)


def simulate(seed: int) -> Result:
    """Let one world happen in this process, and judge it."""
    world = World(seed)
    was_collecting = gc.isenabled()
    gc.disable()  # a sixth of the time otherwise, for garbage that dies with the world
    try:
        with simulated(world):
            world.run()
        wrongs = check(world)
    finally:
        if was_collecting:
            gc.enable()
        gc.collect(0)
    return Result(seed, wrongs, world.trace.digest, _figures(world), world.trace.lines())


def _figures(world: World) -> Figures:
    tally = world.tally
    return Figures(
        worlds=1,
        hours=world.time.now / _SECONDS_PER_HOUR,
        jobs=len(world.jobs),
        crashes=tally.crashes,
        freezes=tally.freezes,
        drains=tally.drains,
        outages=tally.outages,
        losses=tally.losses,
        takeovers=len(world.watch.takeovers),
        model_calls=len(world.model.calls),
        failed_calls=sum(call.end is End.FAILED for call in world.model.calls),
    )


async def simulate_many(
    first: int, count: int, jobs: int, on_result: Callable[[Result], None]
) -> Figures:
    """Let many worlds happen in several processes; each result is told as it comes.

    Raises:
        RuntimeError: a process ended before it was done.
    """
    total = Figures()

    def take(result: Result) -> None:
        total.add(result.figures)
        on_result(result)

    await asyncio.gather(*(_share(first + n, first + count, jobs, take) for n in range(jobs)))
    return total


async def _share(first: int, end: int, step: int, take: Callable[[Result], None]) -> None:
    """Every `step`-th seed, in one process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.simulation.run", str(first), str(end), str(step)),
        stdout=asyncio.subprocess.PIPE,
        env=same_everywhere(),
        limit=1 << 20,
    )
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            take(_decoded(line))
        if await process.wait():
            raise RuntimeError(f"the process of seeds {first}, {first + step} … ended early")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def same_everywhere() -> dict[str, str]:
    """The environment in which a seed is the same in every process: sets of strings are ordered
    by a hash that is otherwise drawn anew at each start.
    """
    return os.environ | {"PYTHONHASHSEED": "0"}


def _encoded(result: Result) -> str:
    return json.dumps(
        {"seed": result.seed, "wrongs": result.wrongs[:20], "digest": result.digest}
        | {"figures": asdict(result.figures)}
    )


def _decoded(line: bytes) -> Result:
    said: dict[str, Any] = json.loads(line)
    return Result(said["seed"], said["wrongs"], said["digest"], Figures(**said["figures"]))


def _results(first: int, end: int, step: int) -> Iterator[Result]:
    return (simulate(seed) for seed in range(first, end, step))


if __name__ == "__main__":
    for each in _results(*map(int, sys.argv[1:])):
        print(_encoded(each), flush=True)
