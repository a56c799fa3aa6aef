"""An operator's desk: real services, a worker with a page, and Chromium to look at it."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from tests.browser.chromium import running
from tests.browser.desk import Desk, Window, seat
from tests.process.bench import Bench
from worker.embedded.stack import Stack

if TYPE_CHECKING:
    from playwright.async_api import Browser


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


WINDOW = Window()
Desks = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest_asyncio.fixture(loop_scope="module")
async def desks(stack: Stack, chromium: "Browser") -> AsyncGenerator[Desks]:
    """Makes a desk with another window or other settings than the usual ones; not signed in."""
    async with aiohttp.ClientSession() as http:
        bench = Bench(stack, http)

        @asynccontextmanager
        async def desk(window: Window = WINDOW, **settings: str) -> AsyncGenerator[Desk]:
            worker = await seat(bench, **settings)
            try:
                async with window.opened(chromium, bench, worker) as made:
                    yield made
            finally:
                worker.stop()

        try:
            yield desk
        finally:
            await bench.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(desks: Desks) -> AsyncGenerator[Desk]:
    """A desk with the overview open, signed in; whatever the test did, nothing odd was seen."""
    async with desks() as desk:
        await desk.open()
        await desk.sign_in()
        yield desk
        desk.seen.nothing_odd()
