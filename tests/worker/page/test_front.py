"""Who gets what: every address, with no token, a wrong one and the right one."""

import re

import pytest
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from tests.worker.page.conftest import TOKEN, Fleet, Site, Sites
from worker.clock import Clock
from worker.page.door import Door
from worker.page.front import Front
from worker.processes.relay import VIEWER_HEADER

pytestmark = pytest.mark.redis
LETTER = "1700000000000-0"
VIEWS = ["/", "/dead", "/job", "/job?id=j1", "/dead/replay", "/dead/purge", f"/dead/{LETTER}"]
DEEDS = [
    *("/pause", "/resume", "/cancel", "/dead/replay", "/dead/purge"),
    *(f"/dead/{LETTER}/replay", f"/dead/{LETTER}/purge", "/sign-out"),
]
OPEN = ["/page.css", "/page.js", "/icon.svg", "/sign-in"]


@pytest.mark.parametrize("path", [*VIEWS, *DEEDS, "/changes?view=overview", "/no/such/page"])
async def test_without_the_token_there_is_only_the_form(locked: Site, path: str) -> None:
    """401, also where there is nothing: who may not look need not know."""
    got = await locked.get(path)
    assert got.status == 401
    assert 'action="/sign-in"' in got.text
    assert "<table" not in got.text
    if path in DEEDS:
        assert (await locked.post(path)).status == 401


@pytest.mark.parametrize("path", [*VIEWS, *DEEDS, "/changes?view=overview"])
async def test_a_wrong_token_is_refused_and_logged(locked: Site, path: str) -> None:
    """With where it came from, and without what it was."""
    with capture_logs() as logs:
        got = await locked.get(path, Authorization="Bearer wrong-token-of-somebody")
    assert got.status == 401
    assert got.text == "this is not the token of this worker\n"
    [line] = logs
    assert (line["event"], line["address"]) == ("page_wrong_token", "127.0.0.1")
    assert "somebody" not in repr(logs)


@pytest.mark.parametrize("said", ["Basic abc", "Bearer", "Bearer ", f"{TOKEN}", f"Basic {TOKEN}"])
async def test_another_kind_of_header_is_no_token(locked: Site, said: str) -> None:
    """Only a bearer's is looked at."""
    assert (await locked.get("/", Authorization=said)).status == 401


async def test_with_the_token_all_is_answered(locked: Site) -> None:
    """By a program that sends it with each request, which needs no form's key."""
    locked.headers["Authorization"] = f"Bearer {TOKEN}"
    statuses = {path: (await locked.get(path)).status for path in VIEWS}
    assert statuses == dict.fromkeys(VIEWS, 200) | {f"/dead/{LETTER}": 404, VIEWS[3]: 404}
    got = await locked.post("/pause", {"type": "text_tag"})
    assert (got.status, got.where) == (303, "/?done=paused")


async def test_signing_in_and_out(locked: Site) -> None:
    """The token goes in a form's body; what stays with the browser no script can read."""
    with capture_logs() as logs:
        got = await locked.post("/sign-in", {"token": "wrong", "next": "/dead"})
    assert got.status == 401
    assert [line["event"] for line in logs] == ["page_wrong_token"]
    got = await locked.post("/sign-in", {"token": TOKEN, "next": "/dead?reason=bug"})
    assert (got.status, got.where) == (303, "/dead?reason=bug")
    cookie = got.headers["Set-Cookie"]
    assert re.search(r"^llm-worker-\w{8}=[\w.]+;", cookie)
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    await locked.sign_in()
    assert (await locked.get("/dead")).status == 200
    assert (await locked.post("/sign-out")).where == "/sign-in?done=signed-out"
    assert (await locked.get("/dead")).status == 401


async def test_behind_tls_the_cookie_stays_there(locked: Site) -> None:
    """A proxy that speaks it says so."""
    got = await locked.post("/sign-in", {"token": TOKEN}, X_Forwarded_Proto="https")
    assert "; Secure" in got.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "there", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/\r\nX: 1", "/ü"]
)
async def test_signing_in_leads_nowhere_else(locked: Site, there: str) -> None:
    """A link to the form may come from anybody."""
    got = await locked.post("/sign-in", {"token": TOKEN, "next": there})
    assert (got.status, got.where) == (303, "/")


async def test_guessing_is_stopped(locked: Site) -> None:
    """After five wrong ones even the right one has to wait; a session goes on."""
    await locked.sign_in()
    for _ in range(5):
        assert (await locked.post("/sign-in", {"token": "wrong"})).status == 401
    got = await locked.post("/sign-in", {"token": TOKEN})
    assert (got.status, 0 < int(got.headers["Retry-After"]) <= 61) == (429, True)
    assert (await locked.get("/", Authorization=f"Bearer {TOKEN}")).status == 429
    assert (await locked.get("/")).status == 200


@pytest.mark.parametrize("path", DEEDS)
async def test_a_form_without_its_key_is_refused(mine: Site, path: str) -> None:
    """Missing, made up, or of another session; a cookie alone steers nothing."""
    for key in ("", "0" * 64, "ü"):
        mine.form_key = key
        got = await mine.post(path, {"type": "text_tag"})
        assert got.status == 403
        assert "out of date" in got.text


@pytest.mark.parametrize("path", [*DEEDS, "/sign-in"])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}],
)
async def test_another_site_is_refused(mine: Site, path: str, headers: dict[str, str]) -> None:
    """Even with the right key: no page of theirs can know it, and none is believed."""
    got = await mine.post(path, {"type": "text_tag", "token": TOKEN}, **headers)
    assert got.status == 403
    assert "another site" in got.text


async def test_our_own_forms_are_taken(mine: Site) -> None:
    """As browsers send them."""
    got = await mine.post(
        "/pause", {"type": "text_tag"}, Origin=mine.url, Sec_Fetch_Site="same-origin"
    )
    assert got.status == 303


@pytest.mark.parametrize("path", DEEDS)
async def test_without_a_token_nothing_can_be_changed(open_site: Site, path: str) -> None:
    """Nor can one sign in; and there is no button that would pretend so."""
    got = await open_site.post(path, {"type": "text_tag"})
    assert got.status == 403
    assert "WORKER_ADMIN_TOKEN" in got.text
    assert (await open_site.post("/sign-in", {"token": ""})).status == 403
    for view in ("/", "/dead"):
        text = (await open_site.get(view)).text
        assert 'method="post"' not in text
        assert "read-only" in text


@pytest.mark.parametrize("path", ["/dead/replay", "/dead/purge", f"/dead/{LETTER}/purge"])
async def test_without_a_token_nobody_is_asked_whether(open_site: Site, path: str) -> None:
    """It could not be done."""
    assert (await open_site.get(path)).status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8081", ""])
async def test_a_name_made_to_lead_here_is_refused(open_site: Site, host: str) -> None:
    """Without a token a page of another site could read this one under a name of its own."""
    got = await open_site.get("/", Host=host)
    assert got.status == 403
    assert "does not go by the name" in got.text
    assert (await open_site.get("/changes?view=overview", Host=host)).status == 403
    assert (await open_site.get("/", Host="localhost:1")).status == 200


@pytest.mark.parametrize("path", [*VIEWS, "/sign-in", "/no/such/page", "/changes?view=nope"])
async def test_every_answer_is_guarded(mine: Site, path: str) -> None:
    """Nothing inline runs, nothing is framed, kept, guessed or sent elsewhere."""
    headers = (await mine.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", OPEN)
async def test_what_the_form_is_made_of_is_open(locked: Site, path: str) -> None:
    """Else nobody could sign in; HEAD is GET without the rest."""
    got, head = await locked.get(path), await locked.get(path, "HEAD")
    assert (got.status, head.status, head.text) == (200, 200, "")


async def test_files_are_kept_by_browsers(locked: Site) -> None:
    """Under an address that changes with them; one that is known is not sent again."""
    [address] = re.findall(r'href="(/page\.css[^"]*)"', (await locked.get("/sign-in")).text)
    got = await locked.get(address)
    assert "immutable" in got.headers["Cache-Control"]
    assert (await locked.get("/page.css?v=old")).headers["Cache-Control"] == "no-cache"
    again = await locked.get(address, If_None_Match=got.headers["ETag"])
    assert (again.status, again.text) == (304, "")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "QUERY"])
@pytest.mark.parametrize("path", ["/", "/pause", "/changes?view=overview", "/sign-in"])
async def test_other_methods_are_refused(mine: Site, method: str, path: str) -> None:
    """In good order."""
    assert (await mine.get(path, method)).status == 405


async def test_head_is_answered_like_get(mine: Site) -> None:
    """Without what GET would have; a deed is no view, and a view no deed."""
    for path in ("/", "/dead", "/changes?view=overview"):
        head = await mine.get(path, "HEAD")
        assert (head.status, head.text) == (200, "")
    assert (await mine.get("/pause")).status == 405
    assert (await mine.post("/dead")).status == 405


@pytest.mark.parametrize(
    "path",
    ["/no", "/dead/x", "/dead/1-1/x", "//", "/%00", "/%ff", "/dead/1-1%0a", "/static/../x"],
)
async def test_there_is_nothing_else(mine: Site, path: str) -> None:
    """404, with a way back; a letter's id that is none is no letter."""
    got = await mine.get(path)
    assert got.status == 404
    assert 'href="/"' in got.text


async def test_only_forms_are_taken(mine: Site) -> None:
    """Whatever else comes: JSON, files, charsets that nobody knows, too much or too many."""
    url, headers = f"{mine.url}/pause", {"Content-Type": "application/json"}
    for data in (b'{"type":"text_tag"}', b"{"):
        async with mine.http.post(url, data=data, headers=headers) as response:
            assert response.status == 415
    form = f"type=text_tag&csrf={mine.form_key}"
    kind = "application/x-www-form-urlencoded"
    for data, charset, status in (
        (form + "&x=" + "y" * 40_000, "", 413),
        (form + "&x=" + "y" * 100_000, "", 413),
        ("&".join(f"x{n}=1" for n in range(50)), "", 400),
        ("\x00%zz=%ff&" + form, "; charset=no-such-one", 303),
    ):
        async with mine.http.post(
            url, data=data.encode(), headers={"Content-Type": kind + charset}, allow_redirects=False
        ) as response:
            assert response.status == status, data[:50]


async def test_a_fault_of_ours_is_told_as_one(mine: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 500 without its words, which are in the log."""

    async def fails(*_: object) -> None:
        raise RuntimeError("private words")

    monkeypatch.setattr("worker.page.looking.Looking.letters", fails)
    with capture_logs() as logs:
        got = await mine.get("/dead")
    assert got.status == 500
    assert "private" not in got.text
    assert [line["event"] for line in logs] == ["page_failed"]


async def test_an_open_page_on_a_network_is_told_of(sites: Sites, fleet: Fleet) -> None:
    """Everybody there may look: perhaps nobody meant that."""
    del fleet
    for settings, told in (
        ({"worker_health_host": "0.0.0.0"}, ["page_open_to_network"]),
        ({"worker_health_host": "0.0.0.0", "worker_admin_token": TOKEN}, []),
        ({}, []),
    ):
        with capture_logs() as logs:
            async with sites(**settings):
                assert [line["event"] for line in logs] == told


async def test_a_log_line_steers_no_terminal(locked: Site) -> None:
    """An address may hold anything."""
    with capture_logs() as logs:
        await locked.get("/%1b[31m%E2%80%AE" + "x" * 999, Authorization="Bearer wrong")
    [line] = logs
    assert line["path"].startswith("/\\x1b[31m\\u202ex")
    assert len(line["path"]) == 200


@pytest.mark.parametrize("relayed", [True, False])
def test_a_parent_says_where_a_request_comes_from(relayed: bool) -> None:
    """Where there is none, anybody could say so."""
    door = Door("", payloads=False, host="127.0.0.1", clock=Clock())
    request = make_mocked_request("GET", "/", {VIEWER_HEADER: "10.0.0.9\x1b"})
    found = Front(door, Clock(), relayed=relayed).knock(request).address
    assert (found == "10.0.0.9\\x1b") is relayed
