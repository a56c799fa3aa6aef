"""The page on a port, with a real Redis behind it, and a browser of sorts before it."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from shared.config import load_settings
from tests.builders import Streams, job_fields
from worker.config import Settings
from worker.embedded.redis_server import RedisServer
from worker.observability.health_server import HealthServer
from worker.page.opening import PageRoom, open_page
from worker.queue.redis_clients import RedisClients
from worker.steering.roster import WorkerFacts, dump_facts

TOKEN = "a-token-of-these-tests"


@dataclass(frozen=True, slots=True)
class Got:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def where(self) -> str:
        """Where it leads."""
        return self.headers["Location"]


@dataclass
class Site:
    """A page and who looks at it."""

    url: str
    http: aiohttp.ClientSession
    room: PageRoom
    drain: asyncio.Event
    facts: list[WorkerFacts]
    """What the worker knows of itself; the last one holds."""
    form_key: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])

    async def get(self, path: str, method: str = "GET", **headers: str) -> Got:
        """Ask for a page; redirects are not followed."""
        return await self._ask(method, path, headers)

    async def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Got:
        """Send a form, with what its page has put into it."""
        fields = {"csrf": self.form_key} if self.form_key else {}
        return await self._ask("POST", path, headers, data=fields | dict(form or {}))

    async def sign_in(self) -> None:
        """As a person does."""
        got = await self.post("/sign-in", {"token": TOKEN, "next": "/"})
        assert got.status == 303
        found = re.search(r'name="csrf" value="(\w+)"', (await self.get("/job")).text)
        assert found is not None
        self.form_key = found[1]

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], **more: Any) -> Got:
        said = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(
            method, self.url + path, headers=said, allow_redirects=False, **more
        ) as response:
            text = await response.text(errors="strict")
            return Got(response.status, response.headers.copy(), text)


Sites = Callable[..., AbstractAsyncContextManager[Site]]


@asynccontextmanager
async def opened(redis_url: str, **settings: Any) -> AsyncGenerator[Site]:
    """A page that the settings describe."""
    chosen = {"redis_url": redis_url, "llm_stream_prefix": "t"} | settings
    drain, facts = asyncio.Event(), [WorkerFacts(host="here", pid=7, slots_max=4)]
    room = open_page(
        load_settings(Settings, _env_file=None, **chosen), "me-1", lambda: facts[-1], drain
    )
    server = HealthServer({}, "127.0.0.1", 0, room.routes)
    port = await server.start()
    try:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as http:
            yield Site(f"http://127.0.0.1:{port}", http, room, drain, facts)
    finally:
        drain.set()
        await server.stop()
        await room.close()


@pytest.fixture
def sites(redis_server: RedisServer, clients: RedisClients) -> Sites:
    """Makes pages of a Redis that is empty."""
    del clients  # which has emptied it

    def make(**settings: Any) -> AbstractAsyncContextManager[Site]:
        return opened(redis_server.url, **settings)

    return make


@pytest.fixture
async def open_site(sites: Sites) -> AsyncGenerator[Site]:
    """A page without a token."""
    async with sites() as site:
        yield site


@pytest.fixture
async def locked(sites: Sites) -> AsyncGenerator[Site]:
    """A page with a token, which nobody has given yet."""
    async with sites(worker_admin_token=TOKEN) as site:
        yield site


@pytest.fixture
async def mine(sites: Sites) -> AsyncGenerator[Site]:
    """A page with a token, which has been given, and payloads to be seen."""
    async with sites(worker_admin_token=TOKEN, worker_page_payloads=True) as site:
        await site.sign_in()
        yield site


@dataclass(frozen=True, slots=True)
class Fleet:
    """What stands in Redis."""

    streams: Streams

    async def bury(self, job_id: str = "j1", **more: str) -> str:
        """A dead letter; returns its id."""
        keys = self.streams.keys
        fields = job_fields(job_id=job_id) | {
            "dead_reason": "bug",
            "dead_error": "KeyError",
            "dead_attempts": "5",
            "dead_stream": keys.stream("text_tag"),
            "dead_entry_id": "1-1",
            "dead_deliveries": "1",
        }
        flat = [part for pair in (fields | more).items() for part in pair]
        letter_id = await self.streams.client.execute_command("XADD", keys.dead, "*", *flat)
        return str(letter_id.decode())

    async def tell(self, event: str, job_id: str = "j1", **more: str) -> None:
        """An event."""
        said = {"event": event, "job_id": job_id, "job_type": "text_tag", "entry_id": "1-1"}
        said |= {"attempt": "1", "at": "1800000000.000"} | more
        flat = [part for pair in said.items() for part in pair]
        await self.streams.client.execute_command("XADD", self.streams.keys.events, "*", *flat)

    async def worker(self, name: str, **facts: Any) -> None:
        """A worker that has told of itself just now."""
        seconds = (await self.streams.client.execute_command("TIME"))[0]
        raw = dump_facts(WorkerFacts(**facts)).decode().rstrip("}") + f',"at":{seconds}}}'
        await self.streams.client.execute_command("HSET", self.streams.keys.workers, name, raw)


@pytest.fixture
def fleet(streams: Streams) -> Fleet:
    """Nothing yet."""
    return Fleet(streams)
