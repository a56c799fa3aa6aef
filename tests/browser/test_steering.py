"""The page as an operator uses it: look, find, mend, steer, and see what comes of it."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import IN_CHROMIUM, why_not
from tests.browser.conftest import Desks
from tests.browser.desk import Desk
from tests.process.bench import log_lines

if TYPE_CHECKING:
    from playwright.async_api import Page, expect
else:
    expect = pytest.importorskip("playwright.async_api", reason=why_not()).expect

pytestmark = list(IN_CHROMIUM)


async def _mark(page: "Page") -> None:
    await page.evaluate("window.marked = true")


async def _is_marked(page: "Page") -> bool:
    """Whether the page is still the one that was marked, and was not loaded anew."""
    return bool(await page.evaluate("window.marked === true"))


async def test_a_dead_letter_is_replayed_and_seen_to_complete(desk: Desk) -> None:
    """Found by the filter, read, put back once the cause is mended; its end comes by itself."""
    page = desk.page
    await desk.bury("lost")
    await desk.bury("other")
    await page.get_by_role("link", name="Dead letters", exact=True).first.click()
    await expect(page).to_have_title("Dead letters · llm-worker")
    await expect(desk.letters).to_have_count(2)
    await page.get_by_label("Type", exact=True).select_option("image_tag")
    await page.get_by_label("Reason", exact=True).select_option("invalid_image")
    await page.get_by_label("Id contains").fill("los")
    await page.get_by_role("button", name="Filter").click()
    letter = desk.letters
    await expect(letter).to_have_count(1)
    await letter.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Dead letter")
    await expect(page.get_by_role("main")).to_contain_text("invalid_image")
    await expect(page.locator("#payload")).to_contain_text('"image_path": "lost.png"')
    desk.picture("lost.png")
    await page.get_by_role("button", name="Replay", exact=True).click()
    await expect(page).to_have_title("Job lost · llm-worker")
    await _mark(page)
    await expect(desk.region("Story")).to_contain_text("completed")
    assert await _is_marked(page)
    [job] = await desk.bench.ended("lost")
    assert job["status"] == "completed"
    assert len(await desk.bench.dead()) == 1


async def test_who_does_not_know_the_token_sees_nothing(desks: Desks) -> None:
    """A wrong one gets the form again, 401 and a log line without it; the right one gets in."""
    async with desks() as desk:
        answer = await desk.open("/dead")
        assert answer.status == 401
        await expect(desk.page).to_have_title("Sign in · llm-worker")
        async with desk.page.expect_response("**/sign-in") as refused:
            await desk.sign_in("not the token at all")
        assert (await refused.value).status == 401
        await expect(desk.page.get_by_label("Token")).to_have_accessible_description(
            "this is not the token of this worker"
        )
        await expect(desk.page.get_by_role("region")).to_have_count(0)
        assert "not the token at all" not in desk.worker.log_file.read_text(encoding="utf-8")
        assert log_lines(desk.worker, "page_wrong_token")
        await desk.sign_in()
        await expect(desk.page).to_have_title("Dead letters · llm-worker")
        [cookie] = await desk.context.cookies()
        assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")
        await desk.page.get_by_role("button", name="Sign out").click()
        await expect(desk.page.get_by_role("region")).to_have_count(0)
        await desk.page.go_back()
        await expect(desk.page).to_have_title("Sign in · llm-worker")  # nothing was kept
        desk.seen.nothing_odd()


_LISTENING = """() => {
  window.heard = [];
  const voice = document.querySelector('[aria-live=polite]');
  new MutationObserver(() => heard.push(voice.textContent)).observe(voice, {childList: true});
}"""


async def test_what_happens_is_seen_without_a_reload(desk: Desk) -> None:
    """Jobs, deaths and workers that come and go appear on the page that is open."""
    await expect(desk.state).to_have_text("live")
    await desk.page.evaluate(_LISTENING)
    await _mark(desk.page)
    await expect(desk.region("Workers").get_by_role("row")).to_have_count(2)  # its head, and one
    await desk.bench.enqueue("seen")
    await expect(desk.row("Recent jobs", "seen").first).to_contain_text("completed")
    await desk.bury("unlucky")
    await expect(desk.region("Dead letters")).to_contain_text("invalid_image")
    await desk.page.wait_for_function("heard.includes('1 dead letter')")
    other = desk.bench.start_worker("other", LLM_STREAM_PREFIX=desk.bench.keys.prefix)
    await expect(desk.region("Workers").get_by_role("row")).to_have_count(3)
    other.stop()
    await expect(desk.region("Workers").get_by_role("row")).to_have_count(2)
    assert await _is_marked(desk.page)


async def test_a_type_is_paused_and_resumed(desk: Desk) -> None:
    """Its jobs wait meanwhile, and why is told to the others."""
    page = desk.page
    calls = await desk.bench.model_calls()
    await page.get_by_label("Reason for pausing").fill("the model is being moved")
    await page.get_by_role("button", name="Pause text_tag").click()
    await expect(page.locator("#notice")).to_contain_text("Paused")
    await expect(desk.region("What is odd")).to_contain_text("the model is being moved")
    await desk.bench.enqueue("patient")
    await expect(desk.row("Streams", "text_tag")).to_contain_text("paused")
    assert await desk.bench.model_calls() == calls
    await page.get_by_role("button", name="Resume text_tag").click()
    [job] = await desk.bench.ended("patient")
    assert job["status"] == "completed"
    await expect(page.get_by_role("button", name="Pause text_tag")).to_be_visible()
    await expect(desk.region("What is odd")).not_to_contain_text("the model is being moved")


async def test_a_running_job_is_cancelled(desk: Desk) -> None:
    """Found by its id; its end comes by itself, and the button is gone with it."""
    page = desk.page
    await desk.bench.model_fails(hang_s=60)
    await desk.bench.enqueue("slow")
    await page.get_by_label("Job or entry id").fill("slow")
    await page.get_by_role("button", name="Find").click()
    await expect(desk.region("Story")).to_contain_text("running")
    await page.get_by_role("button", name="Cancel this job").click()
    [job] = await desk.bench.ended("slow")
    assert job["error_message"] == "cancelled: cancelled on request"
    await expect(desk.region("Story")).to_contain_text("dead")
    await expect(page.get_by_role("button", name="Cancel this job")).to_have_count(0)


async def test_letters_are_purged_after_a_question(desk: Desk) -> None:
    """Only those that the filter means; the question can be left, and says how many."""
    page = desk.page
    for job_id in ("keep", "drop-1", "drop-2"):
        await desk.bury(job_id)
    await desk.open("/dead?id=drop")
    await page.get_by_role("link", name="Purge these…").click()
    await expect(page).to_have_title("Purge dead letters? · llm-worker")
    await page.get_by_role("link", name="Back").click()
    await expect(desk.letters).to_have_count(2)
    assert len(await desk.bench.dead()) == 3
    await page.get_by_role("link", name="Purge these…").click()
    await page.get_by_role("button", name="Purge 2 letters").click()
    await expect(page.locator("#notice")).to_contain_text("2")
    assert [letter["job_id"] for letter in await desk.bench.dead()] == ["keep"]
    await desk.open(f"/dead/{await desk.letter_of('keep')}")
    await page.get_by_role("link", name="Purge…").click()
    await page.get_by_role("main").get_by_role("button").click()
    await expect(page).to_have_title("Dead letters · llm-worker")
    assert await desk.bench.dead() == []


async def test_all_that_match_are_replayed(desk: Desk) -> None:
    """What came after the question was asked is not meant."""
    page = desk.page
    for job_id in ("again-1", "again-2"):
        await desk.bury(job_id)
        desk.picture(f"{job_id}.png")
    await desk.open("/dead?reason=invalid_image")
    await page.get_by_role("link", name="Replay these…").click()
    await expect(page).to_have_title("Replay dead letters? · llm-worker")
    await desk.bury("late")
    await page.get_by_role("button", name="Replay 2 letters").click()
    await expect(page.locator("#notice")).to_contain_text("2")
    await desk.bench.ended("again-1", "again-2")
    assert [letter["job_id"] for letter in await desk.bench.dead()] == ["late"]
