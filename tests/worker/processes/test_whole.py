"""What the health port answers for several processes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp

from worker.observability.health_server import HealthServer
from worker.processes.child import Child
from worker.processes.whole import Whole


class Told:
    """A child with set answers."""

    def __init__(self, status: int = 200, text: str = '{"live": true}') -> None:
        self.answer = (status, text)

    async def get(self, _session: object, _path: str) -> tuple[int, str]:
        """The same on every page."""
        return self.answer


@asynccontextmanager
async def _served(
    *children: Told | None, draining: bool = False
) -> AsyncGenerator[aiohttp.ClientSession]:
    session = cast("aiohttp.ClientSession", None)
    here = cast("dict[int, Child | None]", dict(enumerate(children)))
    whole = Whole(here, dict.fromkeys(here, 0), session, lambda: draining)
    server = HealthServer(whole.pages(), "127.0.0.1", 0)
    port = await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as asking:
            yield asking
    finally:
        await server.stop()


async def _get(
    path: str, *children: Told | None, draining: bool = False
) -> tuple[int, dict[str, Any]]:
    async with _served(*children, draining=draining) as session, session.get(path) as response:
        return response.status, await response.json()


async def test_it_lives_while_each_does() -> None:
    """One that does not is named with its own words, and so is one that is not there."""
    well, stuck = Told(), Told(503, '{"live": false, "stuck_s": {"claim": 70}}')
    assert await _get("/live", well, well) == (
        200,
        {"live": True, "processes": {"0": {"live": True}, "1": {"live": True}}},
    )
    status, body = await _get("/live", well, stuck, None)
    assert (status, body["live"]) == (503, False)
    assert body["processes"]["1"] == {"live": False, "stuck_s": {"claim": 70}}
    assert "started again" in body["processes"]["2"]["why"]


async def test_it_is_ready_when_each_is() -> None:
    """And not on a drain, whatever they say."""
    ready, away = Told(200, '{"ready": true}'), Told(503, '{"ready": false, "checks": {}}')
    assert (await _get("/ready", ready, ready))[0] == 200
    status, body = await _get("/ready", ready, away)
    assert (status, body["ready"], body["draining"]) == (503, False, False)
    status, body = await _get("/ready", ready, ready, draining=True)
    assert (status, body["ready"], body["draining"]) == (503, False, True)


async def test_those_that_left_on_a_drain_are_not_missed() -> None:
    """The last one's end is not a failure of life."""
    assert await _get("/live", draining=True) == (200, {"live": True, "processes": {}})


async def test_metrics_of_those_that_answer() -> None:
    """A process that is away is told by `up`, and has no samples."""
    well = Told(200, "# HELP jobs Jobs.\n# TYPE jobs gauge\njobs 3.0\n")
    async with _served(well, None) as session, session.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        lines = (await response.text()).splitlines()
    assert 'jobs{process="0"} 3.0' in lines
    assert 'llm_worker_process_up{process="0"} 1' in lines
    assert 'llm_worker_process_up{process="1"} 0' in lines
    assert not any(line.startswith('jobs{process="1"') for line in lines)
