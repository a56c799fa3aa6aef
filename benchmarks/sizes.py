"""How much of everything: a look that everything works, the table in some 45 minutes, or in hours.

What is divided by jobs is measured over more of them in a greater size, what has a spread more
often, and what goes wrong with a contender is waited for longer. Durations are in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Size:
    """Of all parts of the table.

    Attributes:
        runs: of what takes seconds: CPU, latency, memory.
        long_runs: of what takes minutes: outages, a server kept full.
        cpu_jobs: that CPU is measured over; a third as many come first.
        queue_jobs: the same, of jobs that do nothing.
        latency_jobs: one after the other.
        away_s: how long Redis or the model server is away.
        patience_s: how long a contender may take to be back at full speed, and, with no job done
            any more, to find those it has lost.
        alone_s: that a worker has to find its limit before it is measured.
        crowd_s: that several have, which share a server.
        window_s: over which a server is looked at.
        joined_s: that a late joiner is looked at.
        backlogs: lengths of the queue that a job's cost is measured at.
    """

    runs: int
    long_runs: int
    cpu_jobs: int
    queue_jobs: int
    latency_jobs: int
    away_s: float
    patience_s: float
    alone_s: float
    crowd_s: float
    window_s: float
    joined_s: float
    backlogs: tuple[int, ...]


SIZES: Mapping[str, Size] = MappingProxyType(
    {
        "quick": Size(
            runs=1,
            long_runs=1,
            cpu_jobs=1_000,
            queue_jobs=2_000,
            latency_jobs=100,
            away_s=5,
            patience_s=10,
            alone_s=15,
            crowd_s=20,
            window_s=7.5,
            joined_s=30,
            backlogs=(1_000, 20_000),
        ),
        "medium": Size(
            runs=3,
            long_runs=1,
            cpu_jobs=2_500,
            queue_jobs=5_000,
            latency_jobs=200,
            away_s=30,
            patience_s=10,
            alone_s=25,
            crowd_s=30,
            window_s=12.5,
            joined_s=45,
            backlogs=(1_000, 100_000, 1_000_000),
        ),
        "full": Size(
            runs=5,
            long_runs=3,
            cpu_jobs=5_000,
            queue_jobs=10_000,
            latency_jobs=300,
            away_s=30,
            patience_s=75,  # what dead workers of SAQ and docket held comes back after 60 s
            alone_s=25,
            crowd_s=40,
            window_s=15,
            joined_s=45,
            backlogs=(1_000, 10_000, 100_000, 1_000_000),
        ),
    }
)
