"""What a job costs the worker's processors: with its work, and the queue alone.

The jobs are there before the worker starts. The first are not measured (imports, connections,
limits that find themselves), and the measurement ends before the queue is empty, so that it is
all at full load. What is divided are the counts at the very moments when CPU was read.
"""

from benchmarks.bench import Bench
from benchmarks.contenders import Contender
from benchmarks.interleaved import Measured, Scale, interleaved
from benchmarks.table import CHEAPEST, IDEAL, Row, Target

_TAIL = 300
"""More than any contender has under way at once."""


def cpu_with_work(scale: Scale) -> list[Row]:
    """Everything on, model and Core answer at once."""
    with Bench() as bench:
        found = interleaved(
            ["us of CPU per job"],
            scale.contenders(with_ideal=True),
            scale.runs,
            lambda who: _cpu_us(bench, who, jobs=scale.of(5_000, 1_500), warm=scale.of(1_000, 500)),
        )
    targets = (Target(0.7, of=IDEAL), Target(0.45, of=CHEAPEST))
    ours, *others = found["us of CPU per job"]
    row = Row(
        "worker CPU per job, everything on, instant servers", "µs", ours, tuple(others), targets
    )
    return [row]


def cpu_of_queue(scale: Scale) -> list[Row]:
    """Jobs that do nothing."""
    with Bench() as bench:
        found = interleaved(
            ["us of CPU per job"],
            scale.contenders(with_ideal=True),
            scale.runs,
            lambda who: _cpu_us(
                bench,
                who,
                jobs=scale.of(10_000, 3_000),
                warm=scale.of(2_000, 1_000),
                works=False,
            ),
        )
    ours, *others = found["us of CPU per job"]
    targets = (Target(60), Target(0.2, of=CHEAPEST))
    return [
        Row("CPU per job of the queue alone (no-op job)", "µs", ours, tuple(others), targets),
    ]


def _cpu_us(
    bench: Bench, contender: Contender, *, jobs: int, warm: int, works: bool = True
) -> Measured:
    """Microseconds of CPU for each job, of the worker's whole process tree."""
    bench.fill(contender, warm + jobs + _TAIL, size=5_000 if works else 12)
    running = bench.start(contender, works=works)
    try:
        bench.wait(lambda: bench.done >= warm, running, what="the first jobs")
        cpu_s, done = running.cpu_s, bench.done
        bench.wait(lambda: bench.done >= warm + jobs, running, what="the last job")
        cpu_s, done = running.cpu_s - cpu_s, bench.done - done
    finally:
        bench.stop(running)
    return {"us of CPU per job": cpu_s / done * 1e6}
