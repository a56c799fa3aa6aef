"""Who signs out is out, whoever has a copy of the cookie, at every worker."""

import asyncio

import pytest

from shared.redis_streams import Keys
from tests.worker.page.conftest import TOKEN, Site, Sites, opened
from worker.clock import Clock
from worker.page.endings import Endings
from worker.page.sessions import LASTS_S
from worker.queue.redis_clients import RedisClients

NOWHERE = "redis://127.0.0.1:1"


def _cookie(site: Site) -> str:
    [morsel] = site.http.cookie_jar
    return f"{morsel.key}={morsel.value}"


async def test_it_is_known_everywhere_until_its_time(any_clients: RedisClients, keys: Keys) -> None:
    """No longer: then the session is over by itself, and nothing is left."""
    client, now = any_clients.commands, 1_000.0
    here, there = (Endings(client, keys, Clock(now=lambda: now)) for _ in range(2))
    assert not await there.has_ended("a")
    assert await here.end("a", now + 50.5)
    assert [await at.has_ended("a") for at in (here, there)] == [True, True]
    assert not await there.has_ended("b")
    assert 0 < await client.execute_command("TTL", keys.signed_out("a")) <= 51


@pytest.mark.redis
async def test_a_copied_session_ends_with_it(sites: Sites) -> None:
    """At this worker and at another with the same token; other sessions go on."""
    async with sites(worker_admin_token=TOKEN) as one, sites(worker_admin_token=TOKEN) as two:
        await one.sign_in()
        await two.sign_in()
        copied = _cookie(one)
        assert (await two.get("/", Cookie=copied)).status == 200
        assert (await one.post("/sign-out")).where == "/sign-in?done=signed-out"
        for site in (one, two):
            site.http.cookie_jar.clear()
            got = await site.get("/dead", Cookie=copied)
            assert (got.status, "signed out of" in got.text) == (401, True)
            assert (await site.get("/changes?view=overview", Cookie=copied)).status == 401
        await one.sign_in()
        assert (await one.get("/")).status == 200
        assert "Signed out." in (await one.get("/sign-in?done=signed-out")).text


@pytest.mark.redis
async def test_who_looks_on_is_cut_off(sites: Sites) -> None:
    """A live view that somebody else has open does not outlast the session."""
    async with sites(worker_admin_token=TOKEN) as site:
        await site.sign_in()
        async with site.http.get(f"{site.url}/changes?view=overview") as live:
            await live.content.readline()
            await site.post("/sign-out")
            async with asyncio.timeout(30):
                await live.content.read()  # which has an end
            assert live.content.at_eof()


async def test_where_redis_is_away_this_process_knows() -> None:
    """And it is said that the others do not."""
    async with opened(NOWHERE, worker_admin_token=TOKEN) as site:
        await site.sign_in()
        copied = _cookie(site)
        assert (await site.get("/", Cookie=copied)).status == 200
        got = await site.post("/sign-out")
        assert got.where == "/sign-in?done=signed-out-here"
        assert "other workers do not know" in (await site.get(got.where)).text
        assert (await site.get("/", Cookie=copied)).status == 401


async def test_what_is_over_by_itself_is_forgotten(any_clients: RedisClients, keys: Keys) -> None:
    """Memory holds no more than those of the last twelve hours."""
    moments = iter((0.0, 1.0, LASTS_S + 1.0))
    endings = Endings(any_clients.commands, keys, Clock(now=lambda: next(moments)))
    for name in "abc":
        await endings.end(name, LASTS_S)
    await any_clients.commands.execute_command("FLUSHALL")
    assert [await endings.has_ended(name) for name in "abc"] == [False, False, True]
