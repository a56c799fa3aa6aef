"""Run a contender: `python -m benchmarks.peers arq work`, `… enqueue 500`, `… trickle 300`."""

import argparse
import asyncio
import importlib
import random
import time

from benchmarks.peers.task import Put

_TEXT = "Booked the ferry to Naxos for the second week of June, cabin with a window. "
_TOGETHER = 50


def text(number: int, size: int) -> str:
    """A note of about so many bytes that no other job has."""
    return (f"Note {number}. " + _TEXT * (size // len(_TEXT) + 1))[: max(size, 12)]


async def enqueue(put: Put, jobs: int, size: int) -> None:
    """Put so many jobs there, as fast as it goes."""
    for start in range(0, jobs, _TOGETHER):
        numbers = range(start, min(start + _TOGETHER, jobs))
        await asyncio.gather(*(put(number, text(number, size)) for number in numbers))


async def trickle(put: Put, jobs: int, size: int) -> None:
    """Put them there one at a time, 5 to 50 ms apart, and print when each was about to be put."""
    pauses = random.Random(7)  # noqa: S311 - no secret
    for number in range(jobs):
        await asyncio.sleep(pauses.uniform(0.005, 0.050))
        before = time.monotonic_ns()
        await put(number, text(number, size))
        print(number, before, flush=True)


async def produce(name: str, what: str, jobs: int, size: int) -> None:
    """Run a producer."""
    async with importlib.import_module(f"benchmarks.peers.{name}").producer() as put:
        await {"enqueue": enqueue, "trickle": trickle}[what](put, jobs, size)


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("what", choices=("work", "enqueue", "trickle"))
    parser.add_argument("jobs", type=int, nargs="?", default=0)
    parser.add_argument("--size", type=int, default=5_000, help="bytes of a job's text")
    chosen = parser.parse_args()
    if chosen.what == "work":
        importlib.import_module(f"benchmarks.peers.{chosen.name}").work()
    else:
        asyncio.run(produce(chosen.name, chosen.what, chosen.jobs, chosen.size))


if __name__ == "__main__":
    main()
