"""The page asks Redis as the worker's user: what that one may not, it says."""

import re

from shared.enums import JobType
from tests.redis.test_rights import MINIMUM, OPERATOR, allow
from tests.redis.test_topologies import KEYS
from tests.worker.page.conftest import TOKEN, Site, opened
from worker.embedded.redis_server import RedisServer

FORM = {"type": str(JobType.TEXT_TAG), "id": "j1", "upto": "1-1"}
VIEWS = ("/", "/dead", "/dead/1-1", "/job?id=j1", "/dead/purge")
DEEDS = ("/pause", "/resume", "/cancel", "/dead/replay", "/dead/purge")


async def _answers(site: Site) -> dict[str, int]:
    seen = {path: (await site.get(path)).status for path in VIEWS}
    return seen | {f"POST {path}": (await site.post(path, FORM)).status for path in DEEDS}


async def test_an_operators_rights_are_enough(redis_server: RedisServer) -> None:
    """For all that there is to see and to do."""
    rules = [rule for rule in OPERATOR if rule != "+xread"]
    url = await allow(redis_server, *MINIMUM, *rules, f"&{KEYS.control}")
    async with opened(url, llm_stream_prefix=KEYS.prefix, worker_admin_token=TOKEN) as site:
        await site.sign_in()
        found = await _answers(site)
        assert "Redis" not in re.sub("<[^>]+>", "", (await site.get("/")).text)
        assert (await site.post("/sign-out")).where == "/sign-in?done=signed-out-here"
    assert found == dict.fromkeys(VIEWS, 200) | dict.fromkeys(
        (f"POST {path}" for path in DEEDS), 303
    ) | {"/dead/1-1": 404, "/job?id=j1": 404}


async def test_what_the_worker_may_not_is_said(redis_server: RedisServer) -> None:
    """The overview shows the worker itself; nothing is called done that was refused."""
    url = await allow(redis_server, *MINIMUM)
    async with opened(url, llm_stream_prefix=KEYS.prefix, worker_admin_token=TOKEN) as site:
        await site.sign_in()
        got = await site.get("/")
        assert got.status == 200
        assert "Redis refuses this worker&#39;s user: NoPermissionError" in got.text
        assert (await site.post("/pause", FORM)).status == 503


async def test_signing_out_everywhere(redis_server: RedisServer) -> None:
    """It takes one right more."""
    url = await allow(redis_server, *MINIMUM, "+set")
    async with opened(url, llm_stream_prefix=KEYS.prefix, worker_admin_token=TOKEN) as site:
        await site.sign_in()
        assert (await site.post("/sign-out")).where == "/sign-in?done=signed-out"
