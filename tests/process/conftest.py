"""Real processes: Redis, the reference Core, the model stand-in, `python -m worker`."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import pytest

from tests.process.bench import Bench
from worker.embedded.stack import Stack

Benches = Callable[..., AbstractAsyncContextManager[Bench]]


@asynccontextmanager
async def _bench(
    *, latency_ms: float = 20, model_slots: int = 256, core_strict: bool = False
) -> AsyncGenerator[Bench]:
    with Stack(latency_ms=latency_ms, model_slots=model_slots, core_strict=core_strict) as stack:
        async with aiohttp.ClientSession() as http:
            bench = Bench(stack, http)
            try:
                yield bench
            finally:
                await bench.close()


@pytest.fixture
def benches() -> Benches:
    """Makes a bench with other timings than the usual one."""
    return _bench


@pytest.fixture
async def bench() -> AsyncGenerator[Bench]:
    """A bench with quick stand-ins."""
    async with _bench() as bench:
        yield bench
