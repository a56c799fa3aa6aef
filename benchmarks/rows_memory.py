"""What a thousand jobs in flight take of memory: the model has them all and answers none."""

from benchmarks.bench import Bench
from benchmarks.contenders import Contender
from benchmarks.interleaved import Measured, Scale, interleaved
from benchmarks.table import Row, Target
from benchmarks.tally import Count

_AT_ONCE = 1_000
_NEVER_S = 36_000.0


def memory(scale: Scale) -> list[Row]:
    """The most that was ever resident, of the worker's whole process tree."""
    with Bench(latency_s=(_NEVER_S, _NEVER_S)) as bench:
        found = interleaved(
            ["MiB"],
            scale.contenders(with_ideal=True),
            scale.runs,
            lambda who: _mib(bench, who),
        )
    ours, *others = found["MiB"]
    return [Row("RSS at 1,000 in flight", "MiB", ours, tuple(others), (Target(120),))]


def _mib(bench: Bench, contender: Contender) -> Measured:
    bench.fill(contender, _AT_ONCE)
    running = bench.start(
        contender,
        BENCH_AT_ONCE=str(_AT_ONCE),
        WORKER_CONCURRENCY=str(_AT_ONCE),
        # It would find the limit by itself, but only by answers.
        LLM_LIMIT_START=str(_AT_ONCE),
    )
    try:
        bench.wait(
            lambda: bench.tally[Count.MODEL] >= _AT_ONCE,
            running,
            what=f"{_AT_ONCE} calls of the model",
            patience_s=40,
        )
        return {"MiB": running.peak_mib}
    finally:
        bench.stop(running)
