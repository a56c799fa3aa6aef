"""What an open page says and does when the worker or Redis goes away, and who may do nothing."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import IN_CHROMIUM, why_not
from tests.browser.conftest import Desks
from tests.browser.desk import Desk

if TYPE_CHECKING:
    from playwright.async_api import expect
else:
    expect = pytest.importorskip("playwright.async_api", reason=why_not()).expect

pytestmark = list(IN_CHROMIUM)


async def test_it_is_live_again_after_the_worker_was_restarted(desk: Desk) -> None:
    """Meanwhile it says since when it is not; nobody has to reload or to sign in again."""
    await expect(desk.state).to_have_text("live")
    await desk.page.evaluate("window.marked = true")
    desk.worker.stop()
    await expect(desk.state).to_contain_text("not live since")
    desk.worker.start()
    desk.worker.wait_until_ready()
    await expect(desk.state).to_have_text("live")
    await desk.bench.enqueue("after")
    await expect(desk.row("Recent jobs", "after").first).to_contain_text("completed")
    assert await desk.page.evaluate("window.marked === true")


async def test_it_says_so_when_redis_is_away(desk: Desk) -> None:
    """By itself and when loaded anew, with what this worker knows; and goes on afterwards."""
    redis = desk.bench.stack.redis
    await expect(desk.state).to_have_text("live")
    redis.stop()
    try:
        await expect(desk.region("What is odd")).to_contain_text("Redis")
        answer = await desk.open()
        assert answer.status == 200
        await expect(desk.page.get_by_role("main")).to_contain_text("Redis")
        answer = await desk.open("/dead")
        assert answer.status == 503
        await expect(desk.page.get_by_role("main")).to_contain_text("Redis")
        await desk.open()
    finally:
        redis.start()
    await expect(desk.region("Workers").get_by_role("row")).to_have_count(2)
    await desk.bench.enqueue("late-news")
    await expect(desk.row("Recent jobs", "late-news").first).to_contain_text("completed")


async def test_a_frozen_redis_does_not_freeze_the_page(desk: Desk) -> None:
    """Connections stay open and nothing answers: it says so all the same."""
    redis = desk.bench.stack.redis
    redis.freeze()
    try:
        assert (await desk.open()).status == 200
        await expect(desk.page.get_by_role("main")).to_contain_text("Redis")
    finally:
        redis.thaw()
    await expect(desk.region("Workers").get_by_role("row")).to_have_count(2)


async def test_without_a_token_nothing_can_be_changed(desks: Desks) -> None:
    """Everybody may look, nobody sees a payload, there is no button that does anything."""
    async with desks(WORKER_ADMIN_TOKEN="") as desk:
        letter = await desk.bury("looked-at", memory_id="a secret")
        for view in ("/", "/dead", f"/dead/{letter}", "/job?id=looked-at"):
            assert (await desk.open(view)).status == 200
            for name in await desk.page.get_by_role("button").all_inner_texts():
                assert name in {"Find", "Filter"}
            assert "a secret" not in await desk.page.content()
        refused = await desk.context.request.post(
            f"{desk.origin}/pause", form={"type": "text_tag", "csrf": "x"}
        )
        assert refused.status == 403
        desk.seen.nothing_odd()


async def test_several_processes_show_one_page(desks: Desks) -> None:
    """Their parent serves it, with every one of them on it."""
    async with desks(WORKER_PROCESSES="2") as desk:
        await desk.open()
        await desk.sign_in()
        await expect(desk.region("Workers").get_by_role("row")).to_have_count(3)
        await desk.bench.enqueue("shared-out")
        await expect(desk.row("Recent jobs", "shared-out").first).to_contain_text("completed")
        await desk.page.get_by_role("button", name="Pause text_tag").click()
        await expect(desk.page.get_by_role("button", name="Resume text_tag")).to_be_visible()
        desk.seen.nothing_odd()
