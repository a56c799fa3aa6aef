"""An operator's desk: real services, a worker with a page, and Chromium to look at it."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from shared import Keys
from tests.browser.chromium import running
from tests.browser.desk import Desk, Window, cleared, seat
from tests.process.bench import Bench
from worker.embedded.service import Service
from worker.embedded.stack import Stack

if TYPE_CHECKING:
    from playwright.async_api import Browser

WINDOW = Window()
Desks = Callable[..., AbstractAsyncContextManager[Desk]]
_fleets = (f"fleet{number}" for number in count(1))


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Redis, Core and the model stand-in, started once for a file's tests."""
    with Stack(latency_ms=20) as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> "AsyncGenerator[Browser]":
    """One browser for a file's tests; each gets a profile of its own in it."""
    async with running() as browser:
        yield browser


@asynccontextmanager
async def _fleet(stack: Stack, **settings: str) -> AsyncGenerator[tuple[Bench, Service]]:
    """A worker under a prefix of its own."""
    async with aiohttp.ClientSession() as http:
        bench = Bench(stack, http)
        bench.keys = Keys(next(_fleets))
        worker = seat(bench, **settings)
        try:
            yield bench, worker
        finally:
            worker.stop()
            await bench.close()


@pytest.fixture
def desks(stack: Stack, chromium: "Browser") -> Desks:
    """Makes a desk with another window, at a worker of its own; not signed in."""

    @asynccontextmanager
    async def desk(window: Window = WINDOW, **settings: str) -> AsyncGenerator[Desk]:
        async with (
            _fleet(stack, **settings) as (bench, worker),
            window.opened(chromium, bench, worker) as made,
        ):
            yield made

    return desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(stack: Stack) -> AsyncGenerator[tuple[Bench, Service]]:
    """The worker that a file's tests share."""
    async with _fleet(stack) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def desk(fleet: tuple[Bench, Service], chromium: "Browser") -> AsyncGenerator[Desk]:
    """A desk with the overview open, signed in; whatever the test did, nothing odd was seen."""
    bench, worker = fleet
    await cleared(bench)
    async with WINDOW.opened(chromium, bench, worker) as desk:
        await desk.open()
        await desk.sign_in()
        await desk.until_calm()  # what it saw a moment ago it may show once more
        yield desk
    desk.seen.nothing_odd()
