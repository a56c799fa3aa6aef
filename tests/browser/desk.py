"""An operator's desk: a worker with a page, and a browser window on it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from shared import JobType
from tests.browser.chromium import PATIENCE_MS, Seen
from tests.process.bench import Bench, until
from worker.embedded.service import Service

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Locator, Page, Response

TOKEN = "the token of the browser tests"
PHONE = (360, 740)
SCREEN = (1280, 800)


@dataclass(slots=True)
class Desk:
    """One operator: the services behind, the worker asked, the window, and what was seen in it."""

    bench: Bench
    worker: Service
    context: "BrowserContext"
    page: "Page"
    seen: Seen

    @property
    def origin(self) -> str:
        """Where the page is, without a path."""
        return self.worker.ready_url.removesuffix("/live")

    async def open(self, path: str = "/") -> "Response":
        """Go to a view as if its address had been typed in."""
        response = await self.page.goto(self.origin + path, wait_until="domcontentloaded")
        assert response is not None
        return response

    async def sign_in(self, token: str = TOKEN) -> None:
        """Fill in the form that is shown."""
        await self.page.get_by_label("Token").fill(token)
        await self.page.get_by_role("button", name="Sign in").click()

    def region(self, name: str) -> "Locator":
        """A part of the view by its name."""
        return self.page.get_by_role("region", name=name, exact=True)

    def row(self, region: str, text: str) -> "Locator":
        """The row of a region's table that has a text in it."""
        return self.region(region).get_by_role("row").filter(has_text=text)

    @property
    def letters(self) -> "Locator":
        """The links to the dead letters that are listed."""
        return self.region("Letters").get_by_role("rowheader").get_by_role("link")

    @property
    def state(self) -> "Locator":
        """Whether what is shown is live."""
        return self.page.locator("#state")

    async def until_calm(self) -> None:
        """Return once the overview shows one worker, and nothing that is paused."""
        from playwright.async_api import expect

        await expect(self.region("Workers").get_by_role("row")).to_have_count(2)  # one is the head
        resume = self.page.get_by_role("button").filter(has_text="Resume")
        await expect(resume).to_have_count(0)

    async def bury(self, job_id: str, **payload: Any) -> str:
        """Have a job die of a picture that is not there; returns the id of its dead letter."""
        payload = {"memory_id": "m1", "image_path": f"{job_id}.png"} | payload
        await self.bench.enqueue(job_id, payload, JobType.IMAGE_TAG)
        await self.bench.ended(job_id)
        return await self.letter_of(job_id)

    def picture(self, name: str) -> None:
        """Put a picture where jobs look for it."""
        Image.new("RGB", (64, 64), "teal").save(self.bench.stack.images / name)

    async def letter_of(self, job_id: str) -> str:
        """The id of a job's newest dead letter, once there is one: Core is told first."""

        async def found() -> str | None:
            rows = await self.bench.command("XREVRANGE", self.bench.keys.dead, "+", "-")
            ids = (key.decode() for key, said in rows if said.get(b"job_id") == job_id.encode())
            return next(ids, None)

        return await until(found, what=f"the dead letter of {job_id}")


@dataclass(frozen=True, slots=True)
class Window:
    """How a page is looked at: pixels across and down, and how fine they are."""

    size: tuple[int, int] = SCREEN
    javascript: bool = True
    dark: bool = False
    scale: float = 1.0

    @asynccontextmanager
    async def opened(
        self, browser: "Browser", bench: Bench, worker: Service
    ) -> AsyncGenerator[Desk]:
        """Open it at a worker's page, with a profile of its own: nobody is signed in."""
        context = await browser.new_context(
            viewport={"width": self.size[0], "height": self.size[1]},
            java_script_enabled=self.javascript,
            color_scheme="dark" if self.dark else "light",
            device_scale_factor=self.scale,
            is_mobile=self.size == PHONE,
            has_touch=self.size == PHONE,
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(PATIENCE_MS)
        seen = Seen()
        seen.watch(context)
        try:
            yield Desk(bench, worker, context, await context.new_page(), seen)
        finally:
            await context.close()


def seat(bench: Bench, **settings: str) -> Service:
    """A worker with a page, which has started; a setting that is empty is not made."""
    told = {
        "WORKER_ADMIN_TOKEN": TOKEN,
        "WORKER_PAGE_PAYLOADS": "true",
        "LLM_STREAM_PREFIX": bench.keys.prefix,
        **settings,
    }
    made = {name: value for name, value in told.items() if value}
    return bench.start_worker(f"{bench.keys.prefix}-worker", **made)


async def cleared(bench: Bench) -> None:
    """Forget what was, though not the streams: a worker goes on there."""
    keys = bench.keys
    gone = (keys.dead, keys.events, keys.paused, keys.cancelled, keys.workers)
    await bench.command("DEL", *gone)
    await bench.command("PUBLISH", keys.control, "all of it")  # it tells of itself at once
