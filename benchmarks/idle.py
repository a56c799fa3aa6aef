"""What a worker costs that has nothing to do: `python -m benchmarks.idle`, in % of a core.

Real: the daemon as a process of its own with its default settings, Redis, the reference Core and
the model stand-in. It is given one job, so that every connection is made, and then left alone. CPU
is user + system time of the worker's process, from /proc.
"""

import argparse
import asyncio
import time
from pathlib import Path

from benchmarks.process_tree import cpu_s
from shared.enums import JobType
from shared.redis_streams import JobEntry, Keys, publish
from worker.embedded.service import Service
from worker.embedded.stack import Stack
from worker.queue.redis_clients import connect

_SETTLE_S = 5.0


async def one_job(url: str) -> None:
    """Have one job done."""
    clients = connect(url)
    job = JobEntry("job-1", {"memory_id": "m1", "content": "Booked the ferry to Naxos"}, user_id=42)
    await publish(clients.commands, Keys(), JobType.TEXT_TAG, job)
    async with asyncio.timeout(30):
        while int(await clients.commands.execute_command("XLEN", Keys().stream("text_tag"))):
            await asyncio.sleep(0.05)
    await clients.close()


def switches(worker: Service) -> int:
    """How often a process has gone to sleep so far: it did something before."""
    for line in Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return int(line.split()[1])
    raise RuntimeError("needs Linux: /proc/PID/status has no voluntary_ctxt_switches")


def main() -> None:
    """Run the command; exit code 1 when it costs more than it may."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--most", type=float, default=0.5, help="% of a core that are allowed")
    chosen = parser.parse_args()
    with Stack() as stack:
        worker = stack.worker(LOG_FORMAT="json")
        worker.start()
        worker.wait_until_ready()
        asyncio.run(one_job(stack.redis.url))
        time.sleep(_SETTLE_S)
        cpu, woke, started = cpu_s(worker.pid), switches(worker), time.monotonic()
        time.sleep(chosen.seconds)
        seconds = time.monotonic() - started
        percent = (cpu_s(worker.pid) - cpu) / seconds * 100
        woken = (switches(worker) - woke) / seconds
    print(f"idle for {seconds:.0f} s: {percent:.2f} % of a core, woken {woken:.1f} times a second")
    raise SystemExit(percent > chosen.most)


if __name__ == "__main__":
    main()
