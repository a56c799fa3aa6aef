"""What changes while one looks arrives without asking."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import aiohttp
import pytest

from shared.redis_streams import Keys, StreamClient
from tests.builders import until
from tests.worker.page.conftest import TOKEN, Fleet, Site, opened
from worker.embedded.redis_server import RedisServer
from worker.operations.snapshot import Snapshot, take_snapshot
from worker.page import changes, looking
from worker.page.lately import FRESH_S

pytestmark = pytest.mark.redis


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, str]]:
    """Each event's name and data, as a browser reads them."""
    name, data = "", list[str]()
    async for raw in response.content:
        line = raw.decode().removesuffix("\n")
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif not line and name:
            yield name, "\n".join(data)
            name, data = "", []


@asynccontextmanager
async def _watching(site: Site, query: str) -> AsyncGenerator[AsyncIterator[tuple[str, str]]]:
    async with site.http.get(f"{site.url}/changes?{query}", headers=site.headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        yield _events(response)


async def _until(events: AsyncIterator[tuple[str, str]], name: str, said: str) -> str:
    """The first event of this name in which that stands."""
    async with asyncio.timeout(30):
        async for found, data in events:
            if found == name and said in data:
                return data
    raise AssertionError(f"no {name} with {said!r}")


async def test_a_part_that_changes_is_sent(open_site: Site, fleet: Fleet) -> None:
    """With the id of its place; what stays as it is is sent once."""
    async with _watching(open_site, "view=overview") as events:
        first = [(await anext(events))[1].partition("\n")[0] for _ in range(5)]
        assert first == ["hints", "streams", "workers", "jobs", "deaths"]
        await fleet.tell("completed", "j7")
        data = await _until(events, "fragment", "j7")
        assert data.startswith("jobs\n")


async def test_a_replayed_letter_is_seen_to_go(mine: Site, fleet: Fleet) -> None:
    """On the list, and on the job's own view, whose story goes on."""
    letter_id = await fleet.bury("j1")
    async with (
        _watching(mine, "view=dead&reason=bug") as letters,
        _watching(mine, "view=job&id=j1") as story,
    ):
        await _until(letters, "fragment", f"/dead/{letter_id}")
        await _until(story, "fragment", '"tag bad">dead')
        await mine.post(f"/dead/{letter_id}/replay")
        await _until(letters, "fragment", "No letter matches")
        await _until(story, "fragment", "waiting</span>")


async def test_fragments_hold_no_form_key(mine: Site) -> None:
    """They are made once for all viewers; what steers stands outside of them."""
    async with _watching(mine, "view=overview") as events:
        data = await _until(events, "fragment", "streams\n")
    assert "Pause text_tag" in data
    assert mine.form_key not in data


async def test_buttons_only_for_those_who_may(open_site: Site) -> None:
    """A viewer without a token shares nothing with one who has it."""
    async with _watching(open_site, "view=overview") as events:
        assert "<button" not in await _until(events, "fragment", "streams\n")


@pytest.mark.parametrize("query", ["", "view=nope", "view=", "view=%3Cb%3E"])
async def test_a_view_that_there_is_not(open_site: Site, query: str) -> None:
    """Named, with those there are."""
    got = await open_site.get(f"/changes?{query}")
    assert (got.status, "overview, dead, job" in got.text) == (400, True)


async def test_filters_that_are_nonsense_end_nothing(open_site: Site) -> None:
    """The viewer is told, as on the view itself."""
    async with _watching(open_site, "view=dead&reason=zzz") as events:
        assert "is no reason" in await _until(events, "trouble", "zzz")


async def test_not_more_viewers_than_a_bound(
    open_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next is told when to come again; who leaves makes room."""
    monkeypatch.setattr(changes, "VIEWERS_MAX", 1)
    async with _watching(open_site, "view=overview") as events:
        await anext(events)
        got = await open_site.get("/changes?view=overview")
        assert (got.status, got.headers["Retry-After"]) == (503, "30")
        assert (await open_site.get("/")).status == 200

    async def has_room() -> bool:
        return (await open_site.get("/changes?view=overview", "HEAD")).status == 200

    async with asyncio.timeout(30):
        while not await has_room():  # noqa: ASYNC110 - nobody tells when a viewer has gone
            await asyncio.sleep(0.05)


async def test_a_drain_ends_them(open_site: Site) -> None:
    """They are told, and no new one is let in; the page itself still answers, and says so."""
    async with _watching(open_site, "view=overview") as events:
        await anext(events)
        open_site.drain.set()
        await _until(events, "bye", "on its way out")
        assert [event async for event in events] == []
    got = await open_site.get("/changes?view=overview")
    assert (got.status, got.headers["Retry-After"]) == (503, "5")
    assert "on its way out" in (await open_site.get("/")).text


async def test_a_viewer_comes_in_by_the_door_again(
    open_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Now and then: a session may have ended."""
    monkeypatch.setattr(changes, "LIFE_S", 0.0)
    async with _watching(open_site, "view=overview") as events:
        assert [event async for event in events] == []


async def test_many_viewers_are_one_look(open_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Redis is asked does not grow with them."""
    looks: list[float] = []

    async def counted(client: StreamClient, keys: Keys) -> Snapshot:
        looks.append(time.monotonic())
        return await take_snapshot(client, keys)

    monkeypatch.setattr(looking, "take_snapshot", counted)
    async with _watching(open_site, "view=overview") as one:
        await anext(one)
        async with _watching(open_site, "view=overview") as two:
            await anext(two)
            await until(lambda: len(looks) >= 3)
    gaps = [after - before for before, after in pairwise(looks)]
    assert min(gaps) >= FRESH_S


async def test_nobody_looks_and_nothing_runs(open_site: Site) -> None:
    """No task of the page is there before the first viewer, or after the last."""
    before = asyncio.all_tasks()
    async with _watching(open_site, "view=overview") as events:
        await anext(events)
    await until(lambda: open_site.room.changes.viewers == 0, 30)
    left = {task for task in asyncio.all_tasks() - before if "look" in repr(task.get_coro())}
    assert left == set()


async def test_redis_goes_and_comes_back(own_server: RedisServer) -> None:
    """The viewer is told of both, and of what this worker knows by itself."""
    async with opened(own_server.url, worker_admin_token=TOKEN) as site:
        await site.sign_in()
        async with (
            _watching(site, "view=dead") as letters,
            _watching(site, "view=overview") as all_,
        ):
            await _until(letters, "fragment", "There are none")
            await _until(all_, "fragment", "no worker runs")
            own_server.stop()
            await _until(letters, "trouble", "Redis does not answer")
            await _until(all_, "fragment", "me-1")
            own_server.start()
            await _until(letters, "fragment", "There are none")
            await _until(all_, "fragment", "no worker runs")
