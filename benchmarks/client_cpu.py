"""What a model call costs the worker's processor: `python -m benchmarks.client_cpu`.

Our way (router, breaker, ready body, checked answer) against `chat.completions.create` of the SDK
on the same transport, with the same prompt, schema and server, interleaved in one process. The
server is another process and answers at once. CPU is user + system time of this process.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from statistics import median

from openai import AsyncOpenAI, DefaultAioHttpClient
from rich.console import Console
from rich.table import Table

from benchmarks.site import Site
from worker.handlers import text_tag
from worker.llm.breaker import Breaker, BreakerLimits
from worker.llm.chat import ModelRole, Prompt, Usage
from worker.llm.client import OpenAIChat
from worker.llm.observing import Unlimited, Unobserved, Watchers
from worker.llm.providers import PROVIDERS
from worker.llm.replica import Replica
from worker.llm.router import Router, Upstream
from worker.llm.structured import Asker
from worker.llm_config import ProviderName

PROMPT = Prompt("You tag notes. " * 20, "The note:\n" + "Booked the ferry to Naxos. " * 180)
MODELS = {ModelRole.TEXT: "m", ModelRole.VISION: "m"}
Call = Callable[[], Awaitable[object]]


@asynccontextmanager
async def ours(url: str) -> AsyncGenerator[Call]:
    """A call as a handler makes it."""
    client = OpenAIChat(url, "key", MODELS, 64)
    watchers = Watchers(Unobserved(), Unlimited(), time.monotonic)
    breaker = Breaker(BreakerLimits(), time.monotonic)
    preset = PROVIDERS[ProviderName.VLLM]
    replica = Replica(url, preset, MODELS, client, breaker, watchers)
    router = Router([Upstream("vllm", MODELS, [replica])], Unlimited(), lambda: 0.5)

    async def call() -> object:
        return await Asker(router, Usage(), "job-1")(text_tag.QUESTION, PROMPT)

    yield call
    await router.close()


@asynccontextmanager
async def theirs(url: str) -> AsyncGenerator[Call]:
    """The same with the SDK's own method, and nothing around it."""
    async with AsyncOpenAI(
        base_url=url, api_key="key", max_retries=0, http_client=DefaultAioHttpClient()
    ) as client:

        async def call() -> object:
            completion = await client.chat.completions.create(
                model="m",
                messages=[
                    {"role": "system", "content": PROMPT.system},
                    {"role": "user", "content": PROMPT.user},
                ],
                temperature=0.1,
                max_tokens=512,
                response_format={
                    "type": "json_schema",
                    "json_schema": {
                        "name": "text_tags",
                        "schema": text_tag.QUESTION.schema,
                        "strict": True,
                    },
                },
                extra_headers={"X-Request-Id": "job-1"},
            )
            return text_tag.TextTags.model_validate_json(
                completion.choices[0].message.content or ""
            )

        yield call


async def cpu_us(call: Call, calls: int, at_once: int) -> float:
    """Microseconds of CPU for each of so many calls."""

    async def some() -> None:
        for _ in range(calls // at_once):
            await call()

    started = time.process_time()
    await asyncio.gather(*(some() for _ in range(at_once)))
    return (time.process_time() - started) / (calls // at_once * at_once) * 1e6


async def measure(url: str, calls: int, at_once: int, runs: int) -> None:
    """Run both in turn and print the table."""
    ways: dict[str, list[float]] = {"llm-worker": [], "chat.completions.create": []}
    async with ours(url) as mine, theirs(url) as other:
        for call in (mine, other):
            await cpu_us(call, at_once * 4, at_once)  # connections, caches, imports
        for _ in range(runs):
            ways["llm-worker"].append(await cpu_us(mine, calls, at_once))
            ways["chat.completions.create"].append(await cpu_us(other, calls, at_once))
    table = Table("way", "µs of CPU a call: median", "least", "most", box=None, pad_edge=False)
    for name, found in ways.items():
        table.add_row(name, *(f"{value:,.0f}" for value in (median(found), min(found), max(found))))
    Console().print(table)
    pairs = zip(*ways.values(), strict=True)
    ratios = sorted(a / b for a, b in pairs)
    print(f"ratio: median {median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f}")


def main() -> None:
    """Start the server and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--runs", type=int, default=7)
    chosen = parser.parse_args()
    with Site() as site:
        url = site.url("model", "/v1")
        asyncio.run(measure(url, chosen.calls, chosen.at_once, chosen.runs))


if __name__ == "__main__":
    main()
