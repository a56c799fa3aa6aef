"""How long does each malformed reply keep the event loop busy?

    python -m benchmarks.malformed --runs 5

Real: the client, the sockets, the question and its answer. The server runs in a process of its own
and sends the catalogue of `tests.worker.llm.malformed`. A watcher takes a turn on the loop every
millisecond; its longest wait beyond that, for each reply the median over the runs, is the block.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from aiohttp import web
from rich.console import Console
from rich.table import Table

from tests.worker.llm.malformed import CATALOGUE, PROMPT, TAGS, MalformedReply, OneServer
from tests.worker.llm.model_servers import chatting
from worker.errors import JobError
from worker.llm.chat import Usage
from worker.llm.structured import Asker

ALLOWED_MS = 20.0
_PACE_S = 0.001
_GOOD = MalformedReply(
    "a good answer, to compare",
    b'{"choices": [{"message": {"content": "{\\"tags\\": []}"}, "finish_reason": "stop"}]}',
    "",
    TAGS,
)
REPLIES = (_GOOD, *CATALOGUE)


@dataclass(frozen=True, slots=True)
class Run:
    """One question to one server."""

    ended: str
    calls: int
    block_ms: float
    took_ms: float


class Watcher:
    """Takes a turn every millisecond and notes how much later than that it came."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def watch(self) -> None:
        """Until it is cancelled."""
        last = time.perf_counter()
        while True:
            await asyncio.sleep(_PACE_S)
            now = time.perf_counter()
            self.longest_s = max(self.longest_s, now - last - _PACE_S)
            last = now


async def ask(base_url: str, reply: MalformedReply) -> Run:
    """Ask once, re-ask included, and see what it does to the loop."""
    watcher, usage, ended = Watcher(), Usage(), "an answer"
    async with chatting(base_url) as chat:
        watching = asyncio.create_task(watcher.watch())
        await asyncio.sleep(0)
        started = time.perf_counter()
        try:
            await Asker(OneServer(chat), usage, "bench")(reply.question, PROMPT)
        except JobError as error:
            ended = error.cause
        took_s = time.perf_counter() - started
        await asyncio.sleep(2 * _PACE_S)
        watching.cancel()
    return Run(ended, usage.calls, watcher.longest_s * 1e3, took_s * 1e3)


async def measure(port: int, runs: int) -> list[list[Run]]:
    """Every reply `runs` times, in turn, so that a bad moment of the machine hits one run only."""
    found: list[list[Run]] = [[] for _ in REPLIES]
    for _ in range(runs + 1):
        for number, reply in enumerate(REPLIES):
            found[number].append(await ask(f"http://127.0.0.1:{port}/{number}/v1", reply))
    return [of_reply[1:] for of_reply in found]  # the first round loads and compiles


def serve(ready: Connection) -> None:
    """The server's process: sends the port, then answers until it is killed."""

    async def answer(request: web.Request) -> web.Response:
        reply = REPLIES[int(request.match_info["number"])]
        return web.Response(body=reply.body, content_type="application/json")

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/{number}/v1/chat/completions", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


def table(found: list[list[Run]]) -> tuple[Table, bool]:
    """The figures, and whether all of them are within what is allowed."""
    shown = Table(title=f"The longest block of the event loop, medians; {ALLOWED_MS:g} ms allowed")
    for column in ("reply", "ends in", "calls", "block, ms", "worst, ms", "took, ms"):
        shown.add_column(column, justify="right" if "ms" in column else "left")
    good = True
    for reply, runs in zip(REPLIES, found, strict=True):
        block_ms = statistics.median(run.block_ms for run in runs)
        good = good and block_ms <= ALLOWED_MS
        shown.add_row(
            reply.name,
            runs[0].ended,
            str(runs[0].calls),
            f"{block_ms:.1f}",
            f"{max(run.block_ms for run in runs):.1f}",
            f"{statistics.median(run.took_ms for run in runs):.1f}",
        )
    return shown, good


def main() -> int:
    """Print the table; 1 when a median is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = max(1, int(parser.parse_args().runs))
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe()
    server = processes.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        found = asyncio.run(measure(int(here.recv()), runs))
    finally:
        server.terminate()
        server.join()
    shown, good = table(found)
    Console(width=110).print(shown)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
