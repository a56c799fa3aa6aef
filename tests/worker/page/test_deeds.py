"""What is done from the page is done in Redis, once, and left a trace of."""

import re
from typing import cast

import pytest
from structlog.testing import capture_logs

from tests.worker.page.conftest import Fleet, Site
from worker.operations.pausing import PauseNote, read_pauses
from worker.page import views

pytestmark = pytest.mark.redis


async def _dead(fleet: Fleet) -> list[str]:
    return [letter.get("job_id", "") for letter in await fleet.streams.dead()]


async def _pauses(fleet: Fleet) -> dict[str, PauseNote]:
    return await read_pauses(fleet.streams.client, fleet.streams.keys)


async def test_pausing_and_resuming(mine: Site, fleet: Fleet) -> None:
    """With who and why; the view that follows shows it at once."""
    await mine.get("/")
    with capture_logs() as logs:
        got = await mine.post("/pause", {"type": "text_tag", "why": "<b>full</b>"})
    assert (got.status, got.where) == (303, "/?done=paused")
    [line] = logs
    assert (line["event"], line["job_type"]) == ("page_steered", "text_tag")
    note = (await _pauses(fleet))["type:text_tag"]
    assert (note.by, note.why) == ("the page, from 127.0.0.1", "<b>full</b>")
    assert note.at > 0
    text = (await mine.get(got.where)).text
    assert "Paused: no worker takes its jobs" in text
    assert "&lt;b&gt;full&lt;/b&gt;" in text
    assert 'aria-label="Resume text_tag"' in text
    assert (await mine.post("/pause", {"type": "text_tag"})).where == "/?done=was-paused"
    assert (await mine.post("/resume", {"type": "text_tag"})).where == "/?done=resumed"
    assert await _pauses(fleet) == {}
    assert (await mine.post("/resume", {"type": "text_tag"})).where == "/?done=was-resumed"


async def test_resuming_a_tenant(mine: Site, fleet: Fleet) -> None:
    """One that was paused elsewhere."""
    await fleet.streams.client.execute_command("HSET", "t:paused", "tenant:acme", "{}")
    assert 'value="acme"' in (await mine.get("/")).text
    assert (await mine.post("/resume", {"tenant": "acme"})).where == "/?done=resumed"
    assert await _pauses(fleet) == {}


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/pause", {}),
        ("/pause", {"type": "dead"}),
        ("/pause", {"type": "<b>"}),
        ("/resume", {"type": "x"}),
        ("/resume", {"tenant": "x" * 201}),
        ("/cancel", {}),
        ("/cancel", {"id": "x" * 201}),
        ("/dead/replay", {"reason": "zzz", "upto": "1-1"}),
        ("/dead/replay", {}),
        ("/dead/purge", {"upto": "+"}),
    ],
)
async def test_forms_that_cannot_be(
    mine: Site, fleet: Fleet, path: str, form: dict[str, str]
) -> None:
    """A clear message, and nothing is done; least of all to everything."""
    await fleet.bury()
    got = await mine.post(path, form)
    assert got.status == 400
    assert await _dead(fleet) == ["j1"]
    assert await _pauses(fleet) == {}


async def test_cancelling(mine: Site, fleet: Fleet) -> None:
    """A job that waits is marked; of one that has ended it is said."""
    await fleet.streams.add("text_tag", job_id="a/b", payload="{}")
    got = await mine.post("/cancel", {"id": "a/b"})
    assert got.where == "/job?id=a%2Fb&done=cancel-waiting"
    assert "Cancelled: it waits" in (await mine.get(got.where)).text
    marked = await fleet.streams.client.execute_command("ZRANGE", "t:cancelled", 0, -1)
    assert marked == [b"a/b"]
    await fleet.tell("completed", "j2")
    assert (await mine.post("/cancel", {"id": "j2"})).where == "/job?id=j2&done=cancel-ended"
    assert (await mine.post("/cancel", {"id": "j3"})).where == "/job?id=j3&done=cancel-unknown"


async def test_replaying_one(mine: Site, fleet: Fleet) -> None:
    """Under its old id, once, however often the button is pressed; with its answer or without."""
    letter_id = await fleet.bury("j1", dead_outcome="{}")
    got = await mine.post(f"/dead/{letter_id}/replay")
    assert got.where == "/job?id=j1&done=replayed&n=1"
    text = (await mine.get(got.where)).text
    assert "Replayed: 1 put back on the stream." in text
    assert (await fleet.streams.length(), await _dead(fleet)) == (1, [])
    assert len(await fleet.streams.outbox()) == 1
    assert (await mine.post(f"/dead/{letter_id}/replay")).where == "/dead?done=too-late"
    assert await fleet.streams.length() == 1
    letter_id = await fleet.bury("j2", dead_outcome="{}")
    await mine.post(f"/dead/{letter_id}/replay", {"ask": "yes"})
    assert len(await fleet.streams.outbox()) == 1


async def test_a_letter_that_says_nothing_of_itself(mine: Site, fleet: Fleet) -> None:
    """It can be seen and thrown away, and has nowhere to go back to."""
    client = fleet.streams.client
    raw = cast("bytes", await client.execute_command("XADD", "t:dead", "*", b"\xff", b"\xfe"))
    letter_id = raw.decode()
    assert (await mine.get(f"/dead/{letter_id}")).status == 200
    assert (await mine.post(f"/dead/{letter_id}/replay")).where == "/dead?done=too-late"
    assert (await mine.post(f"/dead/{letter_id}/purge")).where == "/dead?done=purged&n=1"


async def test_purging_one(mine: Site, fleet: Fleet) -> None:
    """After a question; the others stay."""
    letter_id = await fleet.bury("j1")
    await fleet.bury("j2")
    text = (await mine.get(f"/dead/{letter_id}/purge")).text
    assert "Purge 1 letter" in text
    assert await _dead(fleet) == ["j1", "j2"]
    got = await mine.post(f"/dead/{letter_id}/purge")
    assert "Purged: 1 thrown away." in (await mine.get(got.where)).text
    assert await _dead(fleet) == ["j2"]
    assert (await mine.post(f"/dead/{letter_id}/purge")).where == "/dead?done=too-late"


def _asked(text: str) -> dict[str, str]:
    """What the form of a question would send."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))


@pytest.mark.parametrize(("verb", "kept"), [("replay", 2), ("purge", 0)])
async def test_many_at_once(mine: Site, fleet: Fleet, verb: str, kept: int) -> None:
    """Those that match, as they were counted; what dies after the question is another matter."""
    await fleet.bury("a1", dead_reason="poison")
    await fleet.bury("a2", dead_reason="poison")
    await fleet.bury("b1")
    text = (await mine.get(f"/dead/{verb}?reason=poison")).text
    assert f"{verb.capitalize()} 2 letters" in text
    form = _asked(text)
    await fleet.bury("a3", dead_reason="poison")
    got = await mine.post(f"/dead/{verb}", form)
    assert got.where == f"/dead?done={verb}{'d' if verb == 'purge' else 'ed'}&n=2"
    assert await _dead(fleet) == ["b1", "a3"]
    assert await fleet.streams.length() == kept
    again = await mine.post(f"/dead/{verb}", form)
    assert "n=0" in again.where


async def test_not_more_than_a_bound(
    mine: Site, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest of them; it is said that there may be more."""
    monkeypatch.setattr(views, "BULK_MOST", 3)
    monkeypatch.setattr("worker.page.deeds.BULK_MOST", 3)
    for number in range(5):
        await fleet.bury(f"j{number}")
    text = (await mine.get("/dead/replay")).text
    assert "Replay 3 letters" in text
    assert "There may be more" in text
    await mine.post("/dead/replay", _asked(text))
    assert await _dead(fleet) == ["j0", "j1"]


async def test_nothing_left_to_do(mine: Site) -> None:
    """A question about nothing has no button."""
    text = (await mine.get("/dead/purge?reason=bug")).text
    assert "No letter matches any more" in text
    assert 'action="/dead/purge"' not in text


async def test_what_takes_too_long_is_broken_off(
    mine: Site, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is said how far it came."""
    monkeypatch.setattr("worker.page.deeds._BULK_S", -1.0)
    for number in range(3):
        await fleet.bury(f"j{number}")
    form = _asked((await mine.get("/dead/replay")).text)
    assert (await mine.post("/dead/replay", form)).where == "/dead?done=replayed-part&n=1"
    assert len(await _dead(fleet)) == 2
