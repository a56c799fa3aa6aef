"""What a thousand jobs in flight take of memory: the model has them all and answers none."""

from benchmarks.contenders import IDEAL, OURS, PEERS, Contender
from benchmarks.site import Site, instant_model
from benchmarks.sizes import Size
from benchmarks.table import Row, Target
from benchmarks.tally import Count
from benchmarks.turns import Found, Measured, Part, of_contenders

_AT_ONCE = 1_000
_NEVER_S = 36_000.0


def memory(size: Size) -> Part:
    """The most that was ever resident, of the worker's whole process tree."""
    return Part(of_contenders([OURS, IDEAL, *PEERS], _mib), size.runs, 6, _rows)


def _rows(found: Found) -> list[Row]:
    return [found.row("RSS at 1,000 in flight", "MiB", "MiB", (Target(120),))]


def _mib(contender: Contender) -> Measured:
    with Site(instant_model((_NEVER_S, _NEVER_S))) as site:
        site.enqueue(contender, _AT_ONCE)
        running = site.start(
            contender,
            {
                "BENCH_AT_ONCE": str(_AT_ONCE),
                "WORKER_CONCURRENCY": str(_AT_ONCE),
                # It would find the limit by itself, but only by answers.
                "LLM_LIMIT_START": str(_AT_ONCE),
            },
        )
        site.wait(
            lambda: site.tally[Count.MODEL] >= _AT_ONCE,
            running,
            what=f"{_AT_ONCE} calls of the model",
            patience_s=40,
        )
        return {"MiB": running.peak_mib}
