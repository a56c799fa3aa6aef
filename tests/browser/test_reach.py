"""Everybody reaches everything: by keyboard, on a phone, in the dark, unseen, without scripts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from tests.browser import audits, hostile, scene
from tests.browser.chromium import IN_CHROMIUM, why_not
from tests.browser.conftest import Desks
from tests.browser.desk import PHONE, Desk, Window
from tests.process.bench import until

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, expect
else:
    expect = pytest.importorskip("playwright.async_api", reason=why_not()).expect

pytestmark = list(IN_CHROMIUM)
MOST_TABS = 80
"""More than any view has places to stop at."""


async def _look_at_each(desk: Desk, views: Sequence[str]) -> dict[str, list[str]]:
    """The views with what is wrong with each, the one to sign in on first."""
    await desk.open()
    found = {"/sign-in": await _wrong(desk.page)}
    await desk.sign_in()
    await expect(desk.page).to_have_title("Overview · llm-worker")
    for view in views:
        await desk.open(view)
        found[view] = await _wrong(desk.page)
    return {view: wrong for view, wrong in found.items() if wrong}


async def _wrong(page: "Page") -> list[str]:
    """What those who see little, hear the page or hold it in one hand would stumble over."""
    headings = await page.get_by_role("heading", level=1).count()
    mains = await page.get_by_role("main").count()
    return [
        *(f"faint: {text}" for text in await audits.faint_texts(page)),
        *(f"no name: {line.strip()}" for line in await audits.nameless(page)),
        *(f"too wide: {line}" for line in await audits.sideways(page)),
        *(f"too small: {line}" for line in await audits.targets_too_small(page)),
        *([] if headings == mains == 1 else [f"{headings} headings, {mains} mains"]),
        *([] if await page.locator("html[lang]").count() else ["no language"]),
    ]


async def test_every_view_can_be_read(desks: Desks, chromium: "Browser") -> None:
    """Contrast as WCAG AA asks, a name for every control, nothing wider than the window."""
    async with desks() as desk:
        views = await scene.fill(desk)
        for window in (Window(), Window(dark=True), Window(PHONE)):
            async with window.opened(chromium, desk.bench, desk.worker) as other:
                assert await _look_at_each(other, views) == {}, window
                other.seen.nothing_odd()


async def test_long_words_widen_nothing(desk: Desk, chromium: "Browser") -> None:
    """Ids, tenants, errors and names of workers that no line can be broken in."""
    word = "W" * 190
    letter = await hostile.plant(desk, word)
    for window in (Window(), Window((900, 700)), Window(PHONE)):
        async with window.opened(chromium, desk.bench, desk.worker) as other:
            await other.open()
            await other.sign_in()
            for view in ("/", "/dead", f"/dead/{letter}", f"/job?id={word}", "/dead/purge"):
                await other.open(view)
                await expect(other.page.get_by_role("button", name="Sign out")).to_be_visible()
                assert await audits.sideways(other.page) == [], (window, view)


async def _tab_to(page: "Page", name: str) -> list[str]:
    """Press Tab until something of this name has the focus; returns what had it on the way."""
    passed: list[str] = []
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        focus = await audits.focused(page)
        if focus["tag"] != "BODY":  # past the last it leaves the page, and comes back
            assert focus["seen"], f"nobody sees that {focus} has the focus"
        passed.append(focus["name"])
        if focus["name"] == name:
            return passed
    raise AssertionError(f"{name} is not among {passed}")


async def test_a_keyboard_is_enough(desk: Desk) -> None:
    """Tab gets everywhere and shows where it is, Enter does it; news take no focus away."""
    page = desk.page
    await desk.open()
    assert (await _tab_to(page, "Skip to content")) == ["Skip to content"]
    await page.keyboard.press("Enter")
    passed = await _tab_to(page, "Pause image_tag")
    assert "Dead letters" not in passed  # the header was skipped
    await expect(desk.state).to_have_text("live")
    await desk.bench.enqueue("news")
    await expect(desk.row("Recent jobs", "news").first).to_be_visible()
    assert (await audits.focused(page))["name"] == "Pause image_tag"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Resume image_tag")).to_be_visible()


async def test_focus_stays_where_the_row_itself_changes(desk: Desk) -> None:
    """The row is rendered anew around the button that has the focus."""
    await expect(desk.state).to_have_text("live")
    await desk.page.get_by_role("button", name="Pause text_tag").focus()
    await scene.paused_mail(desk, waiting=0)
    await expect(desk.row("Streams", "email_extract")).to_contain_text("paused")
    await expect(desk.page.get_by_role("button", name="Pause text_tag")).to_be_focused()


async def test_what_is_typed_stays(desk: Desk) -> None:
    """While letters arrive, a filter that is being filled in is left alone."""
    await desk.open("/dead")
    await expect(desk.state).to_have_text("live")
    field = desk.page.get_by_label("Id contains")
    await field.press_sequentially("los")
    await desk.bury("lost-typing")
    await expect(desk.region("Letters")).to_contain_text("lost-typing")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("los")
    await field.press("Enter")
    await expect(desk.letters).to_have_count(1)


async def test_without_scripts_it_is_read_and_steered_all_the_same(desks: Desks) -> None:
    """It says of when it is; links and forms do everything."""
    async with desks(Window(javascript=False)) as desk:
        page = desk.page
        letter = await desk.bury("plain")
        await desk.open("/dead")
        await desk.sign_in()
        await expect(desk.state).to_contain_text("as of")
        await desk.open(f"/dead/{letter}")
        desk.picture("plain.png")
        await page.get_by_role("button", name="Replay", exact=True).click()
        await expect(page).to_have_title("Job plain · llm-worker")

        async def completed() -> bool:
            await page.reload()
            return "completed" in await desk.region("Story").inner_text()

        await until(completed, what="the end of the job, on the page")
        await desk.open()
        await page.get_by_role("button", name="Pause text_tag").click()
        await expect(page.get_by_role("button", name="Resume text_tag")).to_be_visible()
        desk.seen.nothing_odd()
