"""How long a job lies there before an idle worker has it.

From just before it is put there to the first line of its handler, which is later than the claim
and the same for all. One job at a time, 5 to 50 ms apart; both ends read the machine's monotonic
clock.
"""

from statistics import quantiles

from benchmarks.bench import Bench
from benchmarks.contenders import Contender
from benchmarks.interleaved import Measured, Scale, interleaved
from benchmarks.table import Row, Target

_WARM = 20


def latency(scale: Scale) -> list[Row]:
    """The median and the worst but one in a hundred."""
    with Bench() as bench:
        found = interleaved(
            ["p50", "p99"],
            scale.contenders(with_ideal=False),
            scale.runs,
            lambda who: _ms(bench, who, scale.of(300, 100) + _WARM),
        )
    targets = {"p50": (), "p99": (Target(5),)}
    return [
        Row(
            f"time from XADD to the handler's start, idle, {name}",
            "ms",
            found[name][0],
            tuple(found[name][1:]),
            targets[name],
        )
        for name in ("p50", "p99")
    ]


def _ms(bench: Bench, contender: Contender, jobs: int) -> Measured:
    bench.fill(contender, 0)
    stamps = bench.folder / f"stamps-{contender.module}"
    stamps.unlink(missing_ok=True)
    # One job, done before the others come: then the worker has started.
    bench.produce(contender, "enqueue", 1, 12)
    running = bench.start(contender, works=False, BENCH_STAMPS=str(stamps))
    try:
        bench.wait(lambda: bench.done >= 1, running, what="the worker to start")
        put = bench.produce(contender, "trickle", jobs, 12)
        bench.wait(lambda: bench.done >= 1 + jobs, running, what="the last job", patience_s=20)
    finally:
        bench.stop(running)
    before = _pairs(put)
    begun = _pairs(stamps.read_text(encoding="ascii").partition("\n")[2])
    waited = [(begun[n] - at) / 1e6 for n, at in before.items() if n >= _WARM]
    return {"p50": quantiles(waited, n=100)[49], "p99": quantiles(waited, n=100)[98]}


def _pairs(text: str) -> dict[int, int]:
    return {int(n): int(ns) for n, ns in (line.split() for line in text.splitlines())}
