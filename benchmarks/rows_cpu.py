"""What a job costs the worker's processors: with its work, and the queue alone.

The jobs are there before the worker starts. The first are not measured (imports, connections,
limits that find themselves), and the measurement ends before the queue is empty, so that it is
all at full load. What is divided are the counts at the very moments when CPU was read.
"""

from functools import partial

from benchmarks.contenders import IDEAL, OURS, PEERS, Contender
from benchmarks.site import Site
from benchmarks.sizes import Size
from benchmarks.table import CHEAPEST, Row, Target
from benchmarks.turns import Found, Measured, Part, of_contenders

_TAIL = 300
"""More than any contender has under way at once."""
_CPU = "us of CPU per job"


def cpu_with_work(size: Size) -> Part:
    """Everything on, model and Core answer at once."""
    measure = partial(_cpu_us, jobs=size.cpu_jobs, works=True)

    def rows(found: Found) -> list[Row]:
        what = "worker CPU per job, everything on, instant servers"
        targets = (Target(0.7, of=IDEAL.name), Target(0.45, of=CHEAPEST))
        return [found.row(what, "µs", _CPU, targets)]

    turn_s = 4 + size.cpu_jobs / 300
    return Part(of_contenders([OURS, IDEAL, *PEERS], measure), size.runs, turn_s, rows)


def cpu_of_queue(size: Size) -> Part:
    """Jobs that do nothing."""
    measure = partial(_cpu_us, jobs=size.queue_jobs, works=False)

    def rows(found: Found) -> list[Row]:
        targets = (Target(60), Target(0.2, of=CHEAPEST))
        return [found.row("CPU per job of the queue alone (no-op job)", "µs", _CPU, targets)]

    turn_s = 4 + size.queue_jobs / 1_500
    return Part(of_contenders([OURS, IDEAL, *PEERS], measure), size.runs, turn_s, rows)


def _cpu_us(contender: Contender, *, jobs: int, works: bool) -> Measured:
    """Microseconds of CPU for each job, of the worker's whole process tree."""
    warm = jobs // 3
    with Site() as site:
        site.enqueue(contender, warm + jobs + _TAIL, size=5_000 if works else 12)
        running = site.start(contender, works=works)
        site.wait(lambda: site.done >= warm, running, what="the first jobs")
        cpu_s, done = running.cpu_s, site.done
        site.wait(lambda: site.done >= warm + jobs, running, what="the last job")
        cpu_s, done = running.cpu_s - cpu_s, site.done - done
    return {_CPU: cpu_s / done * 1e6}
