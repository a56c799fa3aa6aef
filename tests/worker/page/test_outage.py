"""Redis is away: the page still answers, says so, and shows what this worker knows."""

import os
import signal

import pytest

from tests.worker.page.conftest import TOKEN, opened
from worker.embedded.redis_server import RedisServer
from worker.page import looking
from worker.steering.roster import ModelServer, WorkerFacts

pytestmark = pytest.mark.redis
NOWHERE = "redis://127.0.0.1:1"


async def test_the_overview_shows_this_worker() -> None:
    """Its gates and breakers; the rest is not known, and not shown as if it were empty."""
    async with opened(NOWHERE) as site:
        server = ModelServer(provider="vllm", server="gpu:8000", breaker="open")
        more = {"servers": (server,), "gates": {"model": "connection refused"}}
        site.facts.append(WorkerFacts(host="here").model_copy(update=more))
        got = await site.get("/")
    assert got.status == 200
    for said in (
        "Redis does not answer: connection refused",
        "me-1",
        "this one",
        "model is away",
        "breaker open",
        "Not known while Redis does not answer",
    ):
        assert said in got.text
    assert "every job that ended has an answer" not in got.text
    assert "no worker runs" not in got.text


@pytest.mark.parametrize("path", ["/dead", "/dead/1-1", "/job?id=j1", "/dead/replay"])
async def test_other_views_say_so(path: str) -> None:
    """503, and when to come again."""
    async with opened(NOWHERE, worker_admin_token=TOKEN) as site:
        await site.sign_in()
        got = await site.get(path)
    assert (got.status, got.headers["Retry-After"]) == (503, "5")
    assert "Redis does not answer" in got.text
    assert "Traceback" not in got.text


@pytest.mark.parametrize(
    "path", ["/pause", "/resume", "/cancel", "/dead/1-1/replay", "/dead/1-1/purge", "/dead/replay"]
)
async def test_nothing_is_said_to_be_done(path: str) -> None:
    """What could not be done is a 503, not a redirect to good news."""
    async with opened(NOWHERE, worker_admin_token=TOKEN) as site:
        await site.sign_in()
        got = await site.post(path, {"type": "text_tag", "id": "j1", "upto": "1-1"})
    assert got.status == 503


async def test_a_redis_that_hangs_is_not_waited_for(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and says nothing."""
    monkeypatch.setattr(looking, "PATIENCE_S", 0.2)
    async with opened(own_server.url) as site:
        assert (await site.get("/dead")).status == 200
        os.kill(own_server.pid, signal.SIGSTOP)
        try:
            got = await site.get("/")
            assert (got.status, "no answer within 0.2 s" in got.text) == (200, True)
            assert (await site.get("/dead?id=x")).status == 503
        finally:
            os.kill(own_server.pid, signal.SIGCONT)


async def test_a_redis_that_refuses_is_named(redis_server: RedisServer) -> None:
    """Its words stand on the page, and no password."""
    url = redis_server.url.replace("redis://", "redis://nobody:tulips@")
    async with opened(url) as site:
        got = await site.get("/dead")
    assert got.status == 503
    assert "AuthenticationError" in got.text
    assert "tulips" not in got.text
