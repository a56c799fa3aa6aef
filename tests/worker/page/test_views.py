"""What is on the page."""

import json
import re
from html import unescape

import pytest

from tests.builders import Streams
from tests.worker.page.conftest import TOKEN, Fleet, Site, Sites
from worker.page.looking import SHOWN_BYTES
from worker.page.views import A_PAGE
from worker.steering.roster import ModelLimit, ModelServer

pytestmark = pytest.mark.redis
HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b]0;x\x07"


def _words(text: str) -> str:
    """What is read of a page: its text without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


async def test_an_empty_fleet(open_site: Site) -> None:
    """Each part says what to do next."""
    got = await open_site.get("/")
    words = _words(got.text)
    assert "<title>Overview · llm-worker</title>" in got.text
    assert "no worker runs llm-worker run" in words
    assert "No worker has told of itself yet" in words
    assert "Nothing was told of any job yet" in words
    assert "None: every job that ended has an answer" in words
    assert "There are none. A job that cannot have an answer" in (
        _words((await open_site.get("/dead")).text)
    )


async def test_streams_workers_jobs_and_letters(open_site: Site, fleet: Fleet) -> None:
    """Everything at one moment, as `llm-worker status` has it, and the latest jobs."""
    await fleet.streams.add("text_tag")
    limit = ModelLimit(
        provider="vllm", server="gpu:8000", role="text", limit=12, reason="queue", in_flight=3
    )
    server = ModelServer(provider="vllm", server="gpu:8000", breaker="open")
    await fleet.worker("w-1", limits=(limit,), servers=(server,), held=5, gates={"core": "refused"})
    await fleet.tell("started", at="1800000000.000")
    await fleet.tell("completed", at="1800000003.000", wait_ms="12", llm_ms="2900")
    await fleet.tell("dead", "j2", entry_id="1-2", reason="bug", tenant="acme")
    await fleet.bury()
    words = _words((await open_site.get("/")).text)
    for said in (
        "Core is away for w-1: refused llm-worker check",
        "vllm gpu:8000 is left alone for a while",
        "text_tag 1 - - -",
        "3/12 text, gpu:8000: too much waited there",
        "breaker open vllm gpu:8000",
        "j1 text_tag - completed 08:00:03 1 12 ms 2.9 s - -",
        "j2 text_tag acme dead 08:00:00 1 - - - bug",
        "bug - text_tag 1 1",
        "1 letter in all.",
    ):
        assert said in words


async def test_more_than_a_limit_that_was_lowered(open_site: Site, fleet: Fleet) -> None:
    """It explains itself, in the words of `llm-worker status`."""
    limit = ModelLimit(
        provider="vllm", server="gpu:8000", role="text", limit=9, reason="queue", in_flight=16
    )
    await fleet.worker("w-1", limits=(limit,), slots=16, slots_max=9, held=4, held_max=9)
    words = _words((await open_site.get("/")).text)
    assert "16 (limit 9) text, gpu:8000" in words
    assert words.count("16 (limit 9)") == 2
    assert " 4/9 " in words


async def test_a_worker_that_has_halted(open_site: Site, fleet: Fleet) -> None:
    """Why stands in its row and above; markup in it is text."""
    await fleet.worker("w-1", halted="no model <b>x</b>", host="gpu1")
    text = (await open_site.get("/")).text
    assert text.count("no model &lt;b&gt;x&lt;/b&gt;") == 2
    assert "<b>x" not in text
    assert "silent" not in _words(text)


async def test_the_events_of_one_job_are_one_row(open_site: Site, fleet: Fleet) -> None:
    """Its last state, whatever order they were written in."""
    for event, at in (("completed", 9), ("seen", 1), ("started", 2), ("retried", 3)):
        await fleet.tell(event, at=f"18000000{at:02}.000", cause="timeout")
    text = (await open_site.get("/")).text
    assert text.count("/job?id=j1") == 1
    assert "j1 text_tag - completed" in _words(text)
    assert "timeout" not in text


async def test_letters_are_filtered(open_site: Site, fleet: Fleet) -> None:
    """By type, by reason, by a part of an id; a filter that finds nothing says so."""
    first = await fleet.bury("alpha-1")
    other = {"dead_stream": "t:document", "dead_reason": "poison"}
    second = await fleet.bury("beta-2", **other)
    for query, found in (
        ("", {first, second}),
        ("?type=document", {second}),
        ("?reason=bug", {first}),
        ("?id=BETA", {second}),
        (f"?id={first}", {first}),
        ("?id=1-1", {first, second}),
        ("?type=document&reason=bug", set[str]()),
        ("?id=ferry", set[str]()),  # a word of the payload
    ):
        text = (await open_site.get(f"/dead{query}")).text
        assert set(re.findall(r'href="/dead/(\d+-\d+)"', text)) == found, query
    assert "No letter matches among the 2" in _words(text)
    text = (await open_site.get("/dead?type=document&id=BETA")).text
    assert '<option value="document" selected>' in text
    assert 'value="BETA"' in text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("reason=zzz", 400, "'zzz' is no reason; there are malformed_entry"),
        ("reason=%3Cb%3E", 400, "is no reason"),
        ("before=1", 400, "is no letter's id"),
        ("before=%2B", 400, "is no letter's id"),
        ("id=" + "x" * 300, 400, "200 characters at most"),
        ("type=nope", 200, "nope is no job type of this version"),
        ("type=%E2%80%AE%00%ff", 200, "is no job type"),
        ("page=7&sort=x&type=", 200, "There are none"),
        ("&&&===%%%", 200, "There are none"),
        ("type=a&type=b", 200, "a is no job type"),
    ],
)
async def test_filters_that_are_nonsense(
    open_site: Site, query: str, status: int, said: str
) -> None:
    """A clear message, and never a fault."""
    got = await open_site.get(f"/dead?{query}")
    assert got.status == status
    assert said in _words(got.text)


async def test_letters_come_in_pages(open_site: Site, fleet: Fleet) -> None:
    """The newest first; what dies meanwhile moves nothing to another page."""
    ids = [await fleet.bury(f"j{number}") for number in range(A_PAGE + 2)]
    first = (await open_site.get("/dead?reason=bug")).text
    found = re.findall(r'href="/dead/(\d+-\d+)"', first)
    assert found == ids[::-1][:A_PAGE]
    [older] = re.findall(r'href="(/dead\?[^"]*before=[^"]*)"', first)
    await fleet.bury()
    second = (await open_site.get(unescape(older))).text
    assert re.findall(r'href="/dead/(\d+-\d+)"', second) == ids[:2][::-1]
    assert ">Newest</a>" in second
    assert ">Older</a>" not in second


async def test_a_letter_with_its_payload(mine: Site, fleet: Fleet) -> None:
    """Its names in order, one value a line; the answer that Core refused, too."""
    more = {"dead_reason": "core_rejected", "dead_outcome": '{"b":1,"a":2}', "x": "y"}
    letter_id = await fleet.bury(payload='{"z":1,"a":{"c":2,"b":3}}', **more)
    text = (await mine.get(f"/dead/{letter_id}")).text
    assert f"<title>Dead letter {letter_id} · llm-worker</title>" in text
    [payload, answer] = re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL)
    assert unescape(payload) == json.dumps({"a": {"b": 3, "c": 2}, "z": 1}, indent=2)
    assert unescape(answer) == '{\n  "a": 2,\n  "b": 1\n}'
    assert "Ask the model again" in text


async def test_payloads_are_hidden_unless_allowed(
    sites: Sites, open_site: Site, fleet: Fleet
) -> None:
    """Without the token, and with it where the setting is off: nothing a producer wrote leaves."""
    fields = {"payload": '{"secret":"ferry"}', "dead_outcome": "tulips", "note": "violets"}
    letter_id = await fleet.bury(**fields)
    await fleet.streams.add("text_tag", job_id="j9", payload='{"secret":"ferry"}')
    async with sites(worker_admin_token=TOKEN) as mine:
        await mine.sign_in()
        pages = [
            await site.get(path)
            for site in (open_site, mine)
            for path in ("/", "/dead", f"/dead/{letter_id}", "/job?id=j9", "/job?id=j1")
        ]
        assert "WORKER_PAGE_PAYLOADS=true" in (await mine.get(f"/dead/{letter_id}")).text
    for got in pages:
        assert got.status == 200
        assert not re.search("ferry|tulips|violets", got.text)


async def test_a_huge_letter_is_not_fetched(mine: Site, fleet: Fleet) -> None:
    """How large it is, and the command that shows it all the same."""
    letter_id = await fleet.bury(payload='{"a":"%s"}' % ("x" * SHOWN_BYTES))
    got = await mine.get(f"/dead/{letter_id}")
    assert got.status == 200
    assert "too many to show here" in got.text
    assert len(got.text) < 20_000
    entry_id = await fleet.streams.add(
        "text_tag", job_id="j9", payload='{"a":"%s"}' % ("x" * SHOWN_BYTES)
    )
    assert "xxx" not in (await mine.get(f"/job?id={entry_id}")).text


async def test_hostile_texts_stay_texts(mine: Site, fleet: Fleet) -> None:
    """In every field that somebody else has written, on every view."""
    strange = {"user_id": HOSTILE, "tenant": HOSTILE, "deadline": HOSTILE, HOSTILE: HOSTILE}
    dead = {f"dead_{n}": HOSTILE for n in ("reason", "cause", "error", "attempts", "deliveries")}
    dead |= {"dead_stream": f"t:{HOSTILE}", "dead_entry_id": HOSTILE, "dead_outcome": HOSTILE}
    letter_id = await fleet.bury(HOSTILE, payload=HOSTILE, **strange, **dead)
    entry_id = await fleet.streams.add("text_tag", job_id=HOSTILE, payload=HOSTILE, **strange)
    names = ("tenant", "worker", "attempt", "wait_ms", "llm_ms", "deliver_ms", "reason", "cause")
    await fleet.tell("dead", HOSTILE, **dict.fromkeys(names, HOSTILE), after_ms=HOSTILE)
    await fleet.tell(HOSTILE, job_type=HOSTILE, entry_id=HOSTILE, at=HOSTILE)
    await fleet.tell("started", job_id="x", entry_id="9-9", at="nan")
    limit = ModelLimit(provider=HOSTILE, server=HOSTILE, role=HOSTILE, limit=1, reason=HOSTILE)
    server = ModelServer(provider=HOSTILE, server=HOSTILE, breaker=HOSTILE, broken=HOSTILE)
    await fleet.worker(
        HOSTILE,
        **dict.fromkeys(("host", "version"), HOSTILE),
        job_types=(HOSTILE,),
        gates={HOSTILE: HOSTILE},
        stages={HOSTILE: {HOSTILE: 1}},
        ended={HOSTILE: (1, 1)},
        limits=(limit,),
        servers=(server,),
        started_at=1e300,
    )
    note = json.dumps({"by": HOSTILE, "why": HOSTILE, "at": 1e300})
    for mark in ("type:text_tag", f"tenant:{HOSTILE}", f"type:{HOSTILE}"):
        await fleet.streams.client.execute_command("HSET", "t:paused", mark, note)
    paths = ["/", "/dead", f"/dead/{letter_id}", f"/job?id={entry_id}", "/dead/purge"]
    paths += [f"/dead/{letter_id}/purge", "/job?id=%3Cimg%20src=x%3E%E2%80%AE"]
    for path in paths:
        got = await mine.get(path)
        assert got.status in {200, 404}, path
        assert "<img" not in got.text, path
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", got.text), path


async def test_a_jobs_story(mine: Site, fleet: Fleet, streams: Streams) -> None:
    """By its id and by its entry's: where it is, what was told, and what can be done."""
    entry_id = await streams.add("text_tag", job_id="j1", payload='{"a":1}', tenant="acme")
    await fleet.tell("seen", entry_id=entry_id, attempt="0")
    letter_id = await fleet.bury("j1")
    for wanted in ("j1", entry_id):
        got = await mine.get(f"/job?id={wanted}")
        words = _words(got.text)
        assert got.status == 200
        assert "Now: waiting" in words
        assert "waits because no worker runs " in words
        assert f"text_tag, entry {entry_id}" in words
        assert "tenant acme" in words
        assert "Cancel this job" in words
        assert '<pre id="payload"' in got.text
    assert f'href="/dead/{letter_id}"' in (await mine.get("/job?id=j1")).text
    assert "Cancel" not in (await mine.get("/")).text


async def test_a_job_that_there_is_not(open_site: Site) -> None:
    """How far was looked; without an id, what to do."""
    got = await open_site.get("/job?id=nope")
    assert (got.status, "Not found among" in got.text) == (404, True)
    assert "Cancel" not in got.text
    assert (await open_site.get("/job")).status == 200
    assert (await open_site.get("/job?id=" + "x" * 201)).status == 400


async def test_a_letter_that_there_is_not(mine: Site) -> None:
    """Somebody may have been quicker."""
    for path in ("/dead/1-1", "/dead/1-1/purge"):
        got = await mine.get(path)
        assert got.status == 404
        assert "replayed, or purged, or never there" in got.text


async def test_all_can_be_done_with_a_keyboard(mine: Site, fleet: Fleet) -> None:
    """Every field has its label, every view its heading, and Enter in a field pauses nothing."""
    letter_id = await fleet.bury()
    for path in ("/", "/dead", f"/dead/{letter_id}", "/job?id=j1", "/job", "/dead/replay"):
        text = (await mine.get(path)).text
        assert text.count("<h1") == 1
        assert text.index('href="#content"') < text.index("<nav")
        fields = re.findall(r'<(?:input|select)[^>]*\bid="([^"]+)"', text)
        assert all(f'for="{name}"' in text for name in fields)
        ids = re.findall(r'\bid="([^"]+)"', text)
        assert len(ids) == len(set(ids))
        assert 'tabindex="1"' not in text
    text = (await mine.get("/")).text
    buttons = re.findall(r'<button[^>]*form="steer"[^>]*>', text)
    assert "disabled" in buttons[0]


async def test_a_large_fleet_is_not_all_on_one_page(open_site: Site, fleet: Fleet) -> None:
    """The first hundred workers and fifty tenants, and the command for the rest."""
    for number in range(102):
        await fleet.worker(f"w-{number:03}")
    for number in range(53):
        await fleet.streams.client.execute_command("HSET", "t:paused", f"tenant:t{number}", "{}")
    text = (await open_site.get("/")).text
    assert len(re.findall(r'data-key="w-\d+"><th', text.replace("\n", ""))) == 100
    assert "The first 100 of 102" in text
    assert "3 more tenants are paused" in text
