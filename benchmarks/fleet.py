"""Real workers on one server: `python -m worker`, with a real Redis and an instant Core.

Everything is new for each measurement. Processes are started from the main thread, with which they
die.
"""

import asyncio
import re
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.batching_server import BatchingServer, Look, Shape
from benchmarks.ideal_loop import NOTE
from shared.redis_streams import JobEntry, Keys, encode_entry
from worker.embedded.child import free_port
from worker.embedded.redis_server import RedisServer
from worker.embedded.service import Service, ServiceFailed, clean_environ
from worker.queue.redis_clients import connect

_ROOT = Path(__file__).parents[1]
_PIPELINE = 500
_POLL_S = 0.05
_START_MAX_S = 300.0
"""Sixteen of them start at once, on however few processors."""
_ANSWERED = re.compile(
    r'^llm_worker_llm_calls_total\{[^}]*outcome="ok"[^}]*\} (\S+)$', re.MULTILINE
)


@dataclass(slots=True)
class Fleet:
    """Workers, and the server they share.

    Attributes:
        environ: what every process gets.
    """

    folder: Path
    redis: RedisServer
    core_url: str
    server: BatchingServer
    environ: Mapping[str, str]
    workers: list[Service] = field(default_factory=list[Service])

    def start_worker(self, settings: Mapping[str, str]) -> Service:
        """One more; it is not waited for."""
        port = free_port()
        given = {
            "REDIS_URL": self.redis.url,
            "CORE_API_URL": self.core_url,
            "LLM_BASE_URL": f"{self.server.url}/v1",
            "WORKER_HEALTH_PORT": str(port),
            "WORKER_HELD_MAX": "4000",
            "LOG_FORMAT": "json",
        }
        url = f"http://127.0.0.1:{port}/live"
        name = f"worker-{len(self.workers)}"
        environ = {**self.environ, **given, **settings}
        worker = Service(name, ["worker"], url, self.folder, environ)
        self.workers.append(worker)
        worker.start()
        return worker

    async def live(self, http: aiohttp.ClientSession, worker: Service) -> None:
        """Return once a worker answers.

        Raises:
            ServiceFailed: it ended.
            TimeoutError: it does not.
        """
        async with asyncio.timeout(_START_MAX_S):
            while True:
                with suppress(aiohttp.ClientError):
                    async with http.get(worker.ready_url) as response:
                        if response.ok:
                            return
                if worker.exit_code is not None:
                    raise ServiceFailed(
                        f"{worker.name} ended with {worker.exit_code}: {worker.log}"
                    )
                await asyncio.sleep(_POLL_S)

    async def enqueue(self, jobs: int) -> None:
        """Append notes to tag."""
        clients = connect(self.redis.url)
        stream = Keys().stream("text_tag")
        try:
            for first in range(0, jobs, _PIPELINE):
                numbers = range(first, min(first + _PIPELINE, jobs))
                await asyncio.gather(*(_append(clients.commands, stream, n) for n in numbers))
        finally:
            await clients.close()

    async def look(self, http: aiohttp.ClientSession) -> Look:
        """The server's counters, and each worker's answers."""
        answers = await asyncio.gather(*(_answers(http, worker) for worker in self.workers))
        return await self.server.look(http, tuple(answers))

    async def jobs_left(self) -> int:
        """Entries that are not settled."""
        clients = connect(self.redis.url)
        try:
            return int(await clients.commands.execute_command("XLEN", Keys().stream("text_tag")))
        finally:
            await clients.close()


async def _append(client: Any, stream: str, number: int) -> None:
    payload = {"memory_id": f"m{number}", "content": NOTE}
    fields = encode_entry(JobEntry(f"job-{number}", payload, user_id=42))
    flat = [part for pair in fields.items() for part in pair]
    await client.execute_command("XADD", stream, "*", *flat)


async def _answers(http: aiohttp.ClientSession, worker: Service) -> int:
    """What a worker says it was answered; nothing as long as it does not serve."""
    try:
        async with http.get(worker.ready_url.replace("/live", "/metrics")) as response:
            found = _ANSWERED.findall(await response.text())
    except aiohttp.ClientError:
        return 0
    return int(sum(map(float, found)))


@contextmanager
def fleet(shape: Shape) -> Generator[Fleet]:
    """A server of this shape, Redis and Core, and as yet no worker; all are killed at the end."""
    environ = {**clean_environ(), "PYTHONPATH": str(_ROOT)}
    port = free_port()
    core_url = f"http://127.0.0.1:{port}"
    words = ["benchmarks.instant_core", "--port", str(port)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="llm-worker-bench-")))
        redis = stack.enter_context(RedisServer())
        core = Service("core", words, f"{core_url}/health", folder, environ)
        server = BatchingServer(shape, folder, environ)
        for service in (core, server.service):
            stack.callback(service.kill)
            service.start()
            service.wait_until_ready()
        made = Fleet(folder, redis, core_url, server, environ)
        stack.callback(lambda: [worker.kill() for worker in made.workers])
        yield made
