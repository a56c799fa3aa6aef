"""What it costs the server to take jobs in order: `python -m benchmarks.order`.

Microseconds of the server's processor for each job that is claimed, sorting, taking and the reply
together; the least of several runs, as machines are shared. Then what a ticket takes of its
memory, how long a look for dead workers' jobs lasts among many that wait, and what it costs that
a thousand tenants are paused.
"""

import argparse
import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

import structlog
from redis.asyncio import Redis

from shared.enums import JobType
from shared.redis_streams import GROUP, Keys
from worker.embedded.redis_server import RedisServer, find_server
from worker.marks import tenant_field
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients, connect
from worker.queue.turns import LOOKAHEAD, Turns

KIND = str(JobType.TEXT_TAG)
KEYS = Keys("bench")
ROOMS = (1, 10, 100)
CONSUMERS = 1_000
PAUSED = [f"{n:04}" + "p" * 196 for n in range(1_000)]
_PAYLOAD = '{"memory_id":"m1","content":"' + "the ferry to Naxos " * 12 + '"}'
_BATCH = 1_000

More = Callable[[int], dict[str, str]]
CASES: dict[str, tuple[int, More]] = {
    "as they come (WORKER_LOOKAHEAD=0)": (0, lambda _: {}),
    "in order, no tenants": (LOOKAHEAD, lambda _: {}),
    "in order, 1,000 tenants": (LOOKAHEAD, lambda n: {"tenant": f"tenant-{n % 1_000}"}),
    "the same, with deadlines": (
        LOOKAHEAD,
        lambda n: {"tenant": f"tenant-{n % 1_000}", "deadline": f"{2e9 - n:.3f}"},
    ),
}


class Bench:
    """One server, emptied for each figure."""

    def __init__(self, clients: RedisClients, producer: Any) -> None:
        self._clients = clients
        self._producer = producer
        self.command = clients.commands.execute_command

    async def queue(self, name: str = "bench") -> JobQueue:
        """A worker of every job type."""
        queue = JobQueue(self._clients, KEYS, list(JobType), name)
        await queue.create_groups()
        return queue

    async def pause(self, names: Sequence[str]) -> None:
        """Empty the server; these tenants are paused, and a job of each is known to wait."""
        await self.command("FLUSHALL")
        for name in names:
            await self.command("HSET", KEYS.paused, tenant_field(name), "{}")
        if names:
            await self.fill(len(names), lambda n: {"tenant": names[n]})
            await (await self.queue()).claim(1, block_ms=0)

    async def fill(self, jobs: int, more: More) -> None:
        """So many jobs of one type."""
        for start in range(0, jobs, _BATCH):
            async with self._producer.pipeline(transaction=False) as pipeline:
                for n in range(start, min(start + _BATCH, jobs)):
                    fields = {"job_id": f"j{n}", "payload": _PAYLOAD} | more(n)
                    flat = [part for pair in fields.items() for part in pair]
                    pipeline.execute_command("XADD", KEYS.stream(KIND), "*", *flat)
                await pipeline.execute()

    async def spent_us(self) -> float:
        """The server's processor time so far."""
        info = cast("dict[str, Any]", await self.command("INFO", "cpu"))
        return (float(info["used_cpu_user"]) + float(info["used_cpu_sys"])) * 1e6

    async def claims_us(
        self, jobs: int, room: int, case: tuple[int, More], paused: Sequence[str] = ()
    ) -> float:
        """For each job of a backlog that is taken by one worker."""
        lookahead, more = case
        await self.pause(paused)
        await self.fill(jobs, more)
        queue = await self.queue()
        turns = Turns(dict.fromkeys(map(str, JobType), 1), lookahead=lookahead)
        before = await self.spent_us()
        left = jobs
        while left:
            taken = await queue.claim(room, block_ms=0, order=turns.order(room))
            turns.took(entry.job_type for entry in taken)
            left -= len(taken)
        return (await self.spent_us() - before) / jobs

    async def ticket_bytes(self, jobs: int, more: More) -> float:
        """Of a ticket, its share of the turns, and the note in the stream that it is pending."""
        await self.command("FLUSHALL")
        await self.fill(jobs, more)
        queue = await self.queue()
        before = await self._memory()
        while await self.command("ZCARD", KEYS.tickets(KIND)) < jobs - 100:
            await queue.claim(1, block_ms=0)
        cards = await self.command("ZCARD", KEYS.tickets(KIND))
        return (await self._memory() - before) / cards

    async def _memory(self) -> int:
        info = cast("dict[str, Any]", await self.command("INFO", "memory"))
        return int(info["used_memory_dataset"])

    async def look_us(self, jobs: int) -> float:
        """Among so many that wait, with a thousand consumers, each of whom holds one job."""
        await self.ticket_bytes(jobs, CASES["in order, 1,000 tenants"][1])
        for number in range(CONSUMERS):
            words = ("GROUP", GROUP, f"worker-{number}", "COUNT", 1, "STREAMS", KEYS.stream(KIND))
            await self.command("XADD", KEYS.stream(KIND), "*", "job_id", "j", "payload", "{}")
            await self.command("XREADGROUP", *words, ">")
        return await self._looks_us()

    async def _looks_us(self) -> float:
        queue = await self.queue("looks")
        before, looks = await self.spent_us(), 20
        for _ in range(looks):
            await queue.reclaim(64, idle_ms=3_600_000)
        return (await self.spent_us() - before) / looks

    async def paused_look_us(self, names: Sequence[str]) -> float:
        """While these are paused, and nothing else is there."""
        await self.pause(names)
        return await self._looks_us()


async def measure(bench: Bench, jobs: int, runs: int) -> None:
    """Print the table."""
    print(f"{'CPU us of the server a job, room for':40}" + "".join(f"{room:>8}" for room in ROOMS))
    for name, case in CASES.items():
        best = [
            min([await bench.claims_us(jobs, room, case) for _ in range(runs)]) for room in ROOMS
        ]
        print(f"{name:40}" + "".join(f"{figure:8.1f}" for figure in best), flush=True)
    for name, (lookahead, more) in CASES.items():
        if lookahead:
            size = await bench.ticket_bytes(jobs, more)
            print(f"bytes a ticket, {name}: {size:.0f}", flush=True)
    look_ms = min([await bench.look_us(jobs) for _ in range(runs)]) / 1_000
    print(f"a look for the dead, {CONSUMERS:,} consumers, {jobs:,} jobs wait: {look_ms:.2f} ms")
    await measure_pauses(bench, jobs, runs)


async def measure_pauses(bench: Bench, jobs: int, runs: int) -> None:
    """The same jobs with and without paused tenants beside them, in turn."""
    case = CASES["in order, 1,000 tenants"]
    kinds = {"nobody is paused": PAUSED[:0], "one is": PAUSED[:1], "1,000 are": PAUSED}
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(runs):
        for room in ROOMS:
            for name, names in kinds.items():
                figure = await bench.claims_us(jobs, room, case, names)
                found.setdefault((name, room), []).append(figure)
    for name, names in kinds.items():
        row = "".join(f"{min(found[name, room]):8.1f}" for room in ROOMS)
        look = min([await bench.paused_look_us(names) for _ in range(runs)])
        print(f"{name:40}{row}   a look for the dead: {look:.0f} us", flush=True)


async def main() -> None:
    """Measure on a server of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.order", description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with RedisServer(find_server()) as server:
        clients, producer = connect(server.url), cast("Any", Redis).from_url(server.url)
        try:
            info = await clients.commands.execute_command("INFO", "server")
            print(f"{find_server().name} {info['redis_version']}, {asked.jobs:,} jobs")
            await measure(Bench(clients, producer), asked.jobs, asked.runs)
        finally:
            await clients.close()
            await producer.aclose()


if __name__ == "__main__":
    asyncio.run(main())
