"""A whole stack of real processes, and the questions tests ask of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import aiohttp

from shared import GROUP, JobEntry, JobType, Keys, publish
from shared.enums import JobStatus
from worker.embedded.service import Service
from worker.embedded.stack import Stack
from worker.queue.redis_clients import connect, insist

T = TypeVar("T")
PATIENCE_S = 40.0
NOTE = {"memory_id": "m1", "content": "Booked the ferry to Naxos for June"}


async def until(
    question: Callable[[], Awaitable[T | None]], *, what: str, patience_s: float = PATIENCE_S
) -> T:
    """The first true answer to a question that is asked again and again."""
    try:
        async with asyncio.timeout(patience_s):
            while True:
                answer = await question()
                if answer:
                    return answer
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {patience_s:.0f} s in vain: {what}") from None


class Bench:
    """Redis, Core and the model stand-in run; workers are started by the test."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.http = http
        self.keys = Keys()
        self.redis = connect(stack.redis.url)

    async def close(self) -> None:
        """Close the connection to Redis."""
        await self.redis.close()

    def start_worker(self, name: str = "worker", **settings: str) -> Service:
        """A worker that runs and is live."""
        worker = self.stack.worker(name, **{"LOG_FORMAT": "json", **settings})
        worker.start()
        worker.wait_until_ready()
        return worker

    async def command(self, *words: str | bytes | int) -> Any:
        """One Redis command, once Redis is there to answer it."""
        return await insist(lambda: self.redis.commands.execute_command(*words), doing="test")

    async def enqueue(
        self,
        job_id: str,
        payload: dict[str, Any] = NOTE,
        job_type: JobType = JobType.TEXT_TAG,
        *,
        tenant: str | None = None,
    ) -> str:
        """XADD a job of user 42; returns the entry id."""
        entry = JobEntry(job_id, payload, user_id=42, tenant=tenant)
        return await insist(
            lambda: publish(self.redis.commands, self.keys, job_type, entry), doing="test"
        )

    async def get(self, url: str) -> Any:
        """A JSON answer; None for a 404."""
        async with self.http.get(url) as response:
            return None if response.status == 404 else await response.json()

    async def ready(self, worker: Service) -> dict[str, Any]:
        """What `/ready` says once the worker has looked at its servers."""
        url = f"{worker.ready_url.removesuffix('/live')}/ready"

        async def started() -> dict[str, Any] | None:
            body = await self.get(url)
            return None if "starting" in json.dumps(body) else body

        return await until(started, what="the first look at the servers")

    async def job(self, job_id: str) -> dict[str, Any] | None:
        """A job as Core has it."""
        return cast(
            "dict[str, Any] | None", await self.get(f"{self.stack.core_url}/llm_jobs/{job_id}")
        )

    async def ended(self, *job_ids: str, patience_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        """The jobs, once Core has the last word about each."""

        async def all_ended() -> list[dict[str, Any]] | None:
            jobs = [await self.job(job_id) for job_id in job_ids]
            known = [job for job in jobs if job and JobStatus(job["status"]).is_final]
            return known if len(known) == len(job_ids) else None

        return await until(
            all_ended, what=f"the end of {', '.join(job_ids)}", patience_s=patience_s
        )

    async def settled(self) -> None:
        """Return once no stream holds an entry and no outbox an outcome."""

        async def nothing_left() -> bool:
            lengths = [await self.command("XLEN", self.keys.stream(t)) for t in JobType]
            outboxes = [await self.command("EXISTS", self.keys.outbox(t)) for t in JobType]
            return not any(lengths) and not any(outboxes)

        await until(nothing_left, what="empty streams and outboxes")

    async def pending(self, job_type: JobType = JobType.TEXT_TAG) -> int:
        """Entries of a stream that a consumer holds."""
        reply = await self.command("XPENDING", self.keys.stream(job_type), GROUP)
        return int(cast("dict[str, Any]", reply)["pending"])

    async def deliveries(self, stream: str) -> list[int]:
        """The delivery counts of a stream's pending entries."""
        script = """
        local counts = {}
        for _, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100)) do
          counts[#counts + 1] = p[4]
        end
        return counts"""  # as a script: redis-py misreads the plain command's reply
        return cast("list[int]", await self.command("EVAL", script, 1, stream, GROUP))

    async def dead(self) -> list[dict[str, str]]:
        """Every dead letter, as a map of its fields."""
        rows = await self.command("XRANGE", self.keys.dead, "-", "+")
        return [
            {
                name.decode(errors="replace"): value.decode(errors="replace")
                for name, value in f.items()
            }
            for _, f in cast("list[tuple[bytes, dict[bytes, bytes]]]", rows)
        ]

    async def model_calls(self) -> int:
        """How many completions the model was asked for."""
        stats = await self.get(f"{self.stack.model_url}/stats")
        return int(stats["calls"])

    async def core_stats(self) -> dict[str, Any]:
        """What Core has counted."""
        return cast("dict[str, Any]", await self.get(f"{self.stack.core_url}/stats"))

    async def model_fails(self, **fault: Any) -> None:
        """Tell the model stand-in how its next completions fail."""
        url = f"{self.stack.model_url}/stand-in/faults"
        async with self.http.post(url, json=fault) as response:
            assert response.status < 300, await response.text()


def log_lines(worker: Service, event: str) -> list[dict[str, Any]]:
    """The worker's log lines of one event."""
    text = worker.log_file.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("event") == event]
