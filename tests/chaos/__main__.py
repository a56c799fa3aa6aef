"""`python -m tests.chaos --minutes 3 --seed 7 --jobs 5000 --workers 4`: the chaos run."""

import argparse
import asyncio
import secrets
import sys

from tests.chaos.run import Options, run
from tests.chaos.summary import summary
from worker.config import LogFormat, LogLevel
from worker.observability.logs import configure


def main() -> int:
    """Run it; the exit code is 1 when an invariant is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long things go wrong")
    parser.add_argument("--seed", type=int, default=None, help="of the faults and the jobs")
    parser.add_argument("--jobs", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--lease-s", type=float, default=2.0)
    parser.add_argument("--latency-ms", type=float, default=100.0, help="what an answer takes")
    args = parser.parse_args()
    options = Options(
        seed=secrets.randbelow(1_000_000) if args.seed is None else args.seed,
        seconds=args.minutes * 60,
        jobs=args.jobs,
        workers=args.workers,
        lease_s=args.lease_s,
        latency_ms=args.latency_ms,
    )
    configure(LogLevel.ERROR, LogFormat.AUTO)  # our own clients meet the same outages
    print(f"chaos: seed {options.seed}, {options.seconds:.0f} s …", flush=True)
    outcome = asyncio.run(run(options))
    print(summary(outcome))
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
