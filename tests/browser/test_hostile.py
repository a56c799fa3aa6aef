"""What others write is shown as they wrote it and does nothing; what other sites ask is refused."""

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared import JobType
from tests.browser import hostile
from tests.browser.chromium import IN_CHROMIUM, REBOUND, why_not
from tests.browser.conftest import Desks
from tests.browser.desk import TOKEN, Desk

if TYPE_CHECKING:
    from playwright.async_api import expect
else:
    expect = pytest.importorskip("playwright.async_api", reason=why_not()).expect

pytestmark = list(IN_CHROMIUM)


async def test_hostile_texts_stay_texts(desk: Desk) -> None:
    """In every view, rendered by the server and swapped in while it is open."""
    await expect(desk.state).to_have_text("live")
    letters = [await hostile.plant(desk, text) for text in hostile.NASTY]
    rows = desk.region("Workers").get_by_role("row")
    await expect(rows).to_have_count(2 + len(letters))
    await hostile.inert(desk)
    for text, letter in zip(hostile.NASTY, letters, strict=True):
        wanted = quote(text)
        for view in (
            *(f"/dead/{letter}", f"/dead?type={wanted}", f"/dead?id={wanted}"),
            *(f"/job?id={wanted}", f"/sign-in?next={wanted}", f"/{wanted}"),
        ):
            answer = await desk.open(view)
            assert answer.status < 500
            assert "content-security-policy" in answer.headers
            await hostile.inert(desk)
    huge = "9" * 20
    for view in ("/", "/dead", f"/dead/{letters[0]}/purge", "/dead/purge", f"/dead/{huge}-{huge}"):
        assert (await desk.open(view)).status < 500
        await hostile.inert(desk)


async def test_letters_that_arrive_are_inert(desk: Desk) -> None:
    """Swapped into the list that is open."""
    await desk.open("/dead")
    await expect(desk.state).to_have_text("live")
    await hostile.plant(desk, hostile.ALL)
    await expect(desk.letters).to_have_count(2)
    await hostile.inert(desk)


async def test_what_a_job_brings_along_is_inert(desk: Desk) -> None:
    """Through the worker itself: its id, tenant, payload, a stray stream, the model's words."""
    bench, text = desk.bench, hostile.BREAKOUT
    await bench.model_fails(text=hostile.ALL, count=4)
    await bench.enqueue(f"answered {text}")
    fields = ("job_id", f"stray {text}", "tenant", text, "payload", hostile.ALL)
    await bench.command("XADD", bench.keys.stream(JobType.FOLLOWUP), "*", *fields)
    letter = await desk.letter_of(f"stray {text}")
    for view in ("/", "/dead", f"/dead/{letter}", f"/job?id={quote('answered ' + text)}"):
        await desk.open(view)
        await hostile.inert(desk)
    await desk.open(f"/dead/{letter}")
    await expect(desk.page.locator("#payload")).to_contain_text(hostile.PICTURE)


async def test_nothing_said_in_secret_is_in_an_address(desk: Desk) -> None:
    """No payload, no token, no form key: addresses are kept in logs and histories."""
    await desk.bury("secretive", memory_id="a secret")
    await desk.page.get_by_role("link", name="Dead letters", exact=True).first.click()
    await desk.letters.click()
    await expect(desk.page.locator("#payload")).to_contain_text("a secret")
    await desk.page.get_by_role("button", name="Replay", exact=True).click()
    await expect(desk.page).to_have_title("Job secretive · llm-worker")
    secrets = ("secretive.png", "a secret", TOKEN, "csrf")
    assert len(desk.seen.urls) > 5
    for url in map(unquote_plus, desk.seen.urls):
        assert [secret for secret in secrets if secret in url] == []


_ATTACK = """<!doctype html><title>Elsewhere</title>
<iframe name=hidden></iframe><iframe id=framed src="{page}/"></iframe>
<form method=post target=hidden action="{page}/pause"><input name=type value=text_tag></form>
<script>
  window.got = [];
  const said = new URLSearchParams('type=text_tag&csrf=1');
  const tried = fetch('{page}/pause', {method: 'POST', mode: 'no-cors', credentials: 'include',
    body: said}).catch(() => 0);
  const read = fetch('{page}/', {credentials: 'include'}).then(() => got.push('page'), () => 0);
  const heard = new Promise(done => {
    const source = new EventSource('{page}/changes?view=overview', {withCredentials: true});
    source.onmessage = source.onopen = () => { got.push('changes'); done(); };
    source.onerror = () => { source.close(); done(); };
  });
  const script = new Promise(done => {
    const tag = document.createElement('script');
    tag.onload = () => { got.push('script'); done(); };
    tag.onerror = done;
    tag.src = '{page}/page.js';
    document.body.append(tag);
  });
  const posted = new Promise(done => {
    document.querySelector('[name=hidden]').onload = done;
    document.querySelector('form').submit();
  });
  window.over = Promise.all([tried, read, heard, script, posted]);
</script>"""


async def test_another_site_gets_nowhere(desk: Desk) -> None:
    """Even at another port of the same address, where the cookie goes along: no form, no frame."""
    app = web.Application()

    async def attack(_request: web.Request) -> web.Response:
        words = _ATTACK.replace("{page}", desk.origin)
        return web.Response(text=words, content_type="text/html")

    app.router.add_get("/", attack)
    async with TestServer(app, host="127.0.0.1") as elsewhere:
        async with desk.page.expect_response("**/pause") as refused:
            await desk.page.goto(str(elsewhere.make_url("/")))
        assert (await refused.value).status == 403
        await desk.page.evaluate("over")
        assert await desk.page.evaluate("got") == []
        framed = desk.page.frame_locator("#framed")
        await expect(framed.get_by_role("heading", name="Overview")).to_have_count(0)
    assert await desk.bench.command("HLEN", desk.bench.keys.paused) == 0
    assert "frame-ancestors 'none'" in " ".join(desk.seen.complaints)
    desk.seen.complaints.clear()  # they are about the other site


async def test_a_form_of_an_older_session_is_refused(desk: Desk) -> None:
    """Signed out and in again elsewhere: what is still open has to be loaded anew, and says so."""
    page = desk.page
    other = await desk.context.new_page()
    await other.goto(desk.origin)
    await other.get_by_role("button", name="Sign out").click()
    await other.goto(desk.origin)
    await other.get_by_label("Token").fill(TOKEN)
    await other.get_by_role("button", name="Sign in").click()
    await expect(other).to_have_title("Overview · llm-worker")
    async with page.expect_response("**/pause") as refused:
        await page.get_by_role("button", name="Pause text_tag").click()
    assert (await refused.value).status == 403
    await expect(page.get_by_role("main")).to_contain_text("load the page again")
    assert await desk.bench.command("HLEN", desk.bench.keys.paused) == 0


async def test_every_answer_is_closed_to_others(desks: Desks) -> None:
    """Not kept, not framed, not guessed at, nothing inline, and no word of where one came from."""
    async with desks() as desk:
        letter = await desk.bury("headed")
        for signed_in in (False, True):
            for view in ("/", "/dead", f"/dead/{letter}", "/job?id=headed", "/nowhere", "/dead/0"):
                said = (await desk.open(view)).headers
                policy = said["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert said["x-content-type-options"] == "nosniff"
                assert said["referrer-policy"] == "same-origin"
                assert "no-store" in said["cache-control"]
            if not signed_in:
                await desk.sign_in()
                await expect(desk.page.get_by_role("button", name="Sign out")).to_be_visible()


async def test_a_strangers_name_for_this_machine_shows_nothing(desks: Desks) -> None:
    """Without a token anybody may look, but no site may by having its name lead here."""
    async with desks(WORKER_ADMIN_TOKEN="") as desk:
        assert (await desk.open()).status == 200
        rebound = desk.origin.replace("127.0.0.1", REBOUND)
        answer = await desk.page.goto(rebound)
        assert answer is not None
        assert answer.status == 403
        await expect(desk.page.get_by_role("region")).to_have_count(0)
