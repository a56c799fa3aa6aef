"""Does the stand-in's batching have a real server's shape?

    python -m benchmarks.batching_shape --url http://127.0.0.1:18000 --model tiny-text

Real: a vLLM at the URL, sockets, a client of its own for each request in flight. First a run on it
alone, to fit a step's `a + b * batch` milliseconds (least squares of the median latency per token,
up to `--max-num-seqs` at once). Then both, in turn: that server and a stand-in in a process of its
own with just these two numbers. What differs then is what the stand-in's form leaves out.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import cast

import aiohttp
from rich.console import Console
from rich.table import Table

from worker.embedded.child import die_with_parent

LEVELS = (1, 2, 4, 8, 16, 32)
_PROMPT = "Tell me about the ferry to Naxos."
_POLL_S = 0.25
_WAITING = re.compile(r"^vllm:num_requests_waiting\{[^}]*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Load:
    """What every request asks for, and how many of them each client sends."""

    model: str
    tokens: int
    each: int

    @property
    def body(self) -> dict[str, object]:
        """A request whose answer is as long as can be, so that all take the same steps."""
        messages = [{"role": "user", "content": _PROMPT}]
        fixed = {"max_tokens": self.tokens, "ignore_eos": True, "temperature": 0}
        return {"model": self.model, "messages": messages, **fixed}


@dataclass(frozen=True, slots=True)
class Shape:
    """What came of one level of concurrency."""

    tokens_s: float
    p50_ms: float
    p95_ms: float
    most_waiting: int


@dataclass(frozen=True, slots=True)
class Fit:
    """A line through milliseconds per step, by batch."""

    a_ms: float
    b_ms: float
    worst: float
    """The largest distance of a point from the line, as a share of the line's value."""


def fit(points: list[tuple[int, float]]) -> Fit:
    """The line of least squares through (batch, milliseconds); two points at least."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    b = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    a = mean_y - b * mean_x
    return Fit(a, b, max(abs(y - a - b * x) / (a + b * x) for x, y in points))


async def level(url: str, load: Load, at_once: int) -> Shape:
    """So many clients, each of which asks again as soon as it has its answer."""
    took_s: list[float] = []
    async with aiohttp.ClientSession(
        url, connector=aiohttp.TCPConnector(limit=0), raise_for_status=True
    ) as client:

        async def ask() -> None:
            for _ in range(load.each):
                asked = time.perf_counter()
                async with client.post("/v1/chat/completions", json=load.body) as response:
                    usage = (await response.json())["usage"]
                took_s.append(time.perf_counter() - asked)
                if usage["completion_tokens"] != load.tokens:
                    raise RuntimeError("an answer is not as long as was asked for")

        watching = asyncio.create_task(_most_waiting(client))
        started = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(at_once)))
        whole_s = time.perf_counter() - started
        watching.cancel()
        (most,) = await asyncio.gather(watching)
    p95 = quantiles(took_s, n=20, method="inclusive")[-1]
    return Shape(len(took_s) * load.tokens / whole_s, median(took_s) * 1e3, p95 * 1e3, most)


async def _most_waiting(client: aiohttp.ClientSession) -> int:
    """The longest queue that was seen before it is cancelled."""
    most = 0.0
    try:
        while True:
            await asyncio.sleep(_POLL_S)
            async with client.get("/metrics") as response:
                text = await response.text()
            most = max(most, sum(float(found) for found in _WAITING.findall(text)))
    except asyncio.CancelledError:
        return int(most)


async def shapes(urls: Sequence[str], load: Load, rounds: int) -> list[list[Shape]]:
    """For each server the best of its rounds at every level.

    A round is all levels on all servers in turn: what else the machine does hits all of them.
    """
    found: list[list[list[Shape]]] = [[[] for _ in LEVELS] for _ in urls]
    for _ in range(rounds):
        for number, at_once in enumerate(LEVELS):
            for url, of_server in zip(urls, found, strict=True):
                of_server[number].append(await level(url, load, at_once))
    return [[_quietest(of_level) for of_level in of_server] for of_server in found]


def fitted(found: list[Shape], load: Load, sequences: int) -> Fit:
    """A step's cost on a server, from the levels at which nobody waits."""
    points = [
        (at_once, shape.p50_ms / load.tokens)
        for at_once, shape in zip(LEVELS, found, strict=True)
        if at_once <= sequences
    ]
    return fit(points)


@contextmanager
def stand_in(model: str, found: Fit, sequences: int) -> Generator[str]:
    """A stand-in with these costs, for as long as this lasts; gives its URL."""
    words = ["-m", "worker.embedded.model", "--port", "0", "--models", model, "--batching"]
    words += ["--step-ms", f"{max(found.a_ms, 0.0):.4f}", "--prefill-ms", "0"]
    words += ["--sequence-ms", f"{max(found.b_ms, 0.0):.4f}", "--max-num-seqs", f"{sequences}"]
    server = subprocess.Popen(  # noqa: S603 - our own command line, no shell
        die_with_parent([sys.executable, *words]), stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None  # noqa: S101 - it was asked for
    try:
        yield server.stdout.readline().split()[6].removesuffix("/v1")
    finally:
        server.terminate()
        server.communicate()


def _quietest(found: list[Shape]) -> Shape:
    """The best of each figure, and the longest queue of any round."""
    return Shape(
        max(shape.tokens_s for shape in found),
        min(shape.p50_ms for shape in found),
        min(shape.p95_ms for shape in found),
        max(shape.most_waiting for shape in found),
    )


def table(real: list[Shape], ours: list[Shape]) -> Table:
    """Real and stand-in side by side, and how far the second is from the first."""
    shown = Table(box=None, pad_edge=False)
    for column in ("at once", "tokens/s", "stand-in", "±", "p50 ms", "stand-in", "±"):
        shown.add_column(column, justify="right")
    for column in ("p95 ms", "stand-in", "waiting", "stand-in"):
        shown.add_column(column, justify="right")
    for at_once, one, other in zip(LEVELS, real, ours, strict=True):
        cells = [f"{at_once}"]
        for mine, its in ((one.tokens_s, other.tokens_s), (one.p50_ms, other.p50_ms)):
            cells += [f"{mine:,.0f}", f"{its:,.0f}", f"{its / mine - 1:+.0%}"]
        cells += [f"{one.p95_ms:,.0f}", f"{other.p95_ms:,.0f}"]
        shown.add_row(*cells, f"{one.most_waiting}", f"{other.most_waiting}")
    return shown


async def measure(url: str, load: Load, sequences: int, rounds: int) -> None:
    """Fit, run both, show."""
    await level(url, load, max(LEVELS))  # connections, caches, compiled things
    (alone,) = await shapes([url], load, rounds)
    given = fitted(alone, load, sequences)
    print(f"the stand-in is given {given.a_ms:.2f} + {given.b_ms:.3f} * batch ms")
    with stand_in(load.model, given, sequences) as ours:
        found = await shapes([url, ours], load, rounds)
    Console(width=110).print(table(*found))
    for name, of_server in zip(("server", "stand-in"), found, strict=True):
        line = fitted(of_server, load, sequences)
        print(
            f"{name}: a step takes {line.a_ms:.2f} + {line.b_ms:.3f} * batch ms, "
            f"no level further than {line.worst:.0%} from that"
        )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batching_shape")
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--url", required=True, help="a vLLM server, without a path")
    parser.add_argument("--model", default="tiny-text")
    parser.add_argument("--max-tokens", type=int, default=64, help="of every answer")
    parser.add_argument("--each", type=int, default=4, help="requests of each client in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-num-seqs", type=int, default=128, help="as the server has it")
    chosen = parser.parse_args()
    load = Load(chosen.model, chosen.max_tokens, chosen.each)
    url = cast("str", chosen.url)
    asyncio.run(measure(url, load, chosen.max_num_seqs, chosen.rounds))


if __name__ == "__main__":
    main()
