"""Does a job cost the same in eight processes as in one, and before a long queue as before a short?

The daemon as it is started (`WORKER_PROCESSES`), beside a model and a Core that answer at once. CPU
is user + system time of its process tree, its parent included, from when all processes are ready
and a quarter of the jobs is done; the backlog is kept up while it is measured.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from benchmarks.contenders import OURS
from benchmarks.process_tree import Running
from benchmarks.site import Site, said
from benchmarks.sizes import Size
from benchmarks.table import Row, Target
from benchmarks.turns import Found, Measured, Part, Turn
from shared.redis_streams import JobEntry, Keys, encode_entry
from worker.embedded.child import free_port
from worker.queue.redis_clients import CommandClient, connect

_CPU = "us of CPU per job"
_FLAT = 1.1
"""What counts as the same: figures vary by some percent from run to run."""
_POLL_S = 0.05
_AT_ONCE = 5_000
_STREAM = Keys().stream("text_tag")
_PAYLOAD = {"memory_id": "m1", "content": "Booked the ferry to Naxos for June"}
# A million XADDs from here would take minutes; the server makes them by itself in seconds.
_PUT = """
for _ = 1, tonumber(ARGV[1]) do
  local number = redis.call('INCR', KEYS[2])
  redis.call('XADD', KEYS[1], '*', 'job_id', 'job-' .. number, unpack(ARGV, 2))
end"""


@dataclass(frozen=True, slots=True)
class Variant:
    """So many processes, what all of them may ask at once, and so many jobs waiting."""

    key: str
    name: str
    processes: int = 1
    at_once: int = 64
    backlog: int = 1_000


def processes(size: Size) -> Part:
    """One process to eight that share 64 calls; and each as many as it likes best."""
    several = [Variant(f"{n}-processes", f"{n} processes", n) for n in (2, 4, 8)]
    wide = Variant("8-processes", "8 processes, 64 calls each", 8, at_once=512)
    narrow = Variant("1-process", "one process, 8 calls", at_once=8)
    return _part([Variant("1-process", "one process, 64 calls"), *several, wide, narrow], size)


def backlogs(size: Size) -> Part:
    """One process, before queues of different lengths."""
    return _part([Variant(f"{n}", f"{n:,} jobs wait", backlog=n) for n in size.backlogs], size)


def _part(variants: Sequence[Variant], size: Size) -> Part:
    first, *others = variants
    turns = [
        Turn(variant.key, variant.name, partial(_cost_us, variant, size.cpu_jobs))
        for variant in variants
    ]

    def rows(found: Found) -> list[Row]:
        targets = (Target(_FLAT, of=first.name),)
        made = [
            found.row(f"CPU per job: {it.name}", "µs", _CPU, targets, (it.name, first.name))
            for it in others
        ]
        return [row for row in made if not row.ours.is_empty]

    fill_s = fmean(variant.backlog for variant in variants) / 100_000
    return Part(turns, size.runs, 6 + fill_s + size.cpu_jobs / 250, rows)


def _cost_us(variant: Variant, jobs: int) -> Measured:
    port = free_port()
    with Site() as site:
        running = site.start(
            OURS,
            {
                "LLM_CANARY": "false",
                "LLM_ADAPTIVE": "false",  # else a run is too short to find its limit
                "WORKER_JOB_TYPES": "text_tag",
                "WORKER_PROCESSES": str(variant.processes),
                "WORKER_CONCURRENCY": str(variant.at_once),
                "WORKER_HEALTH_PORT": str(port),
            },
        )
        ready = f"http://127.0.0.1:{port}/ready"
        site.wait(lambda: said(ready) is not None, running, what="all processes to be ready")
        return {_CPU: asyncio.run(_measured_us(site, running, variant.backlog, jobs))}


async def _measured_us(site: Site, running: Running, backlog: int, jobs: int) -> float:
    clients = connect(site.redis.url)
    try:
        load = Load(clients.commands, backlog)
        await load.keep_up()
        begun = await _until(site, running, load, site.done + jobs // 4)
        cpu_s = running.cpu_s
        done = await _until(site, running, load, begun + jobs)
        return (running.cpu_s - cpu_s) / (done - begun) * 1e6
    finally:
        await clients.close()


async def _until(site: Site, running: Running, load: "Load", goal: int) -> int:
    """Keep the backlog up until so many jobs are done; returns how many are."""
    while (done := site.done) < goal:
        running.check()
        await load.keep_up()
        await asyncio.sleep(_POLL_S)
    return done


class Load:
    """Keeps a backlog of jobs."""

    def __init__(self, client: CommandClient, backlog: int) -> None:
        self._client = client
        self._backlog = backlog
        entry = encode_entry(JobEntry("any", _PAYLOAD, user_id=42))
        fields = ((name, value) for name, value in entry.items() if name != "job_id")
        self._fields = [part for field in fields for part in field]

    async def keep_up(self) -> None:
        """Add what is missing."""
        missing = self._backlog - int(await self._client.execute_command("XLEN", _STREAM))
        while missing > 0:
            count = min(missing, _AT_ONCE)
            await self._client.execute_command(
                "EVAL", _PUT, 2, _STREAM, "bench:number", count, *self._fields
            )
            missing -= count
