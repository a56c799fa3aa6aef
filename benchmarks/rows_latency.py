"""How long a job lies there before an idle worker has it.

From just before it is put there to the first line of its handler, which is later than the claim
and the same for all. One job at a time, 5 to 50 ms apart; both ends read the machine's monotonic
clock.
"""

from functools import partial
from statistics import quantiles

from benchmarks.contenders import OURS, PEERS, Contender
from benchmarks.site import Site
from benchmarks.sizes import Size
from benchmarks.table import Row, Target
from benchmarks.turns import Found, Measured, Part, of_contenders

_WARM = 20


def latency(size: Size) -> Part:
    """The median and the worst but one in a hundred."""
    measure = partial(_ms, jobs=size.latency_jobs + _WARM)
    turn_s = 4 + size.latency_jobs * 0.03
    return Part(of_contenders([OURS, *PEERS], measure), size.runs, turn_s, _rows)


def _rows(found: Found) -> list[Row]:
    what = "time from XADD to the handler's start, idle, "
    return [
        found.row(what + "p50", "ms", "p50"),
        found.row(what + "p99", "ms", "p99", (Target(5),)),
    ]


def _ms(contender: Contender, jobs: int) -> Measured:
    with Site() as site:
        stamps = site.folder / "stamps"
        # One job, done before the others come: then the worker has started.
        site.enqueue(contender, 1, 12)
        running = site.start(contender, {"BENCH_STAMPS": str(stamps)}, works=False)
        site.wait(lambda: site.done >= 1, running, what="the worker to start")
        put = site.produce(contender, "trickle", jobs, 12)
        site.wait(lambda: site.done >= 1 + jobs, running, what="the last job", patience_s=20)
        begun = _pairs(stamps.read_text(encoding="ascii").partition("\n")[2])
    waited = [(begun[n] - at) / 1e6 for n, at in _pairs(put).items() if n >= _WARM]
    return {"p50": quantiles(waited, n=100)[49], "p99": quantiles(waited, n=100)[98]}


def _pairs(text: str) -> dict[int, int]:
    return {int(n): int(ns) for n, ns in (line.split() for line in text.splitlines())}
