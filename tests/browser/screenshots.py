"""`python -m tests.browser.screenshots`: takes the pictures of the page that the docs show.

A real worker on real services, with an ordinary day in it; nothing is painted afterwards.
"""

import asyncio
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from PIL import Image

from tests.browser import scene
from tests.browser.chromium import running, why_not
from tests.browser.desk import PHONE, Desk, Window, seat
from tests.process.bench import Bench
from worker.embedded.stack import Stack

if TYPE_CHECKING:
    from playwright.async_api import Browser, FloatRect

FOLDER = Path(__file__).parents[2] / "docs/images"
BYTES_MAX = 200_000
COLOURS = 128
_NAMED = "import os, socket; socket.gethostname = lambda: os.environ['MACHINE']\n"
"""Workers are called after their machine, which is nobody's business."""


async def main() -> None:
    """Take them all."""
    with Stack(latency_ms=700, model_slots=8) as stack:
        (stack.folder / "sitecustomize.py").write_text(_NAMED, encoding="utf-8")
        async with aiohttp.ClientSession() as http, running() as browser:
            bench = Bench(stack, http)
            try:
                await _take_all(bench, browser)
            finally:
                await bench.close()


async def _take_all(bench: Bench, browser: "Browser") -> None:
    worker = seat(bench, **_machine(bench, "gpu-1"))
    other = bench.start_worker("other", **_machine(bench, "gpu-2"))
    try:
        async with Window((1180, 900)).opened(browser, bench, worker) as desk:
            await scene.fill(desk)
            await scene.busy(desk)
            await desk.open()
            await desk.sign_in()
            for name in ("gpu-1", "gpu-2"):  # each tells of itself every five seconds
                at_rest = desk.row("Workers", name).filter(has_text="- / 1000")
                await at_rest.wait_for(state="detached")
            await _shoot(desk, "overview", "/", 1_560)
            await _shoot(desk, "dead", "/dead", 840)
            letter = await desk.letter_of("photo-harbour")
        async with Window(PHONE, scale=1.5).opened(browser, bench, worker) as desk:
            await _shoot(desk, "phone", "/", 1_000)
        async with Window((1180, 900), dark=True).opened(browser, bench, worker) as desk:
            await _shoot(desk, "dark", f"/dead/{letter}", 760)
    finally:
        other.kill()
        worker.kill()


async def _shoot(desk: Desk, name: str, view: str, height: int) -> None:
    """Write the upper part of a view to the docs, in so few colours that it is small."""
    await desk.open(view)
    if await desk.page.get_by_label("Token").count():
        await desk.sign_in()
    await desk.page.get_by_role("button", name="Sign out").wait_for()
    width = (desk.page.viewport_size or {"width": 0})["width"]
    clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
    taken = await desk.page.screenshot(full_page=True, clip=clip)
    picture = FOLDER / f"page-{name}.png"
    Image.open(BytesIO(taken)).convert("RGB").quantize(COLOURS).save(picture, optimize=True)
    size = picture.stat().st_size
    print(f"{picture.relative_to(FOLDER.parents[1])}: {size / 1e3:.0f} kB")
    if size > BYTES_MAX:
        raise SystemExit(f"that is more than {BYTES_MAX / 1e3:.0f} kB")


def _machine(bench: Bench, name: str) -> dict[str, str]:
    return {"MACHINE": name, "PYTHONPATH": f"{bench.stack.folder}:{Path(__file__).parents[2]}"}


if __name__ == "__main__":
    if why_not():
        sys.exit(f"no pictures: {why_not()}")
    asyncio.run(main())
