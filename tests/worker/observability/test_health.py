"""The two questions an orchestrator asks, with made-up time and made-up services."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from worker.clock import Clock
from worker.errors import Halt, Snooze
from worker.observability import health as module
from worker.observability.health import Check, Health, Heartbeats, pages
from worker.observability.health_server import HealthServer
from worker.observability.metrics import Metrics


@dataclass
class Time:
    """A clock that stands until it is set."""

    now: float = 100.0

    def clock(self) -> Clock:
        """It, where a real one is expected."""
        return Clock(elapsed=lambda: self.now)


async def _ok() -> None:
    """Answers."""


async def _away() -> None:
    raise Snooze("Core cannot be reached")


async def _wrong() -> None:
    raise Halt("the server does not offer mistral")


async def _hangs() -> None:
    await asyncio.Event().wait()


def _health(checks: Mapping[str, Check], time: Time | None = None) -> Health:
    return Health(Heartbeats((time or Time()).clock(), {"claim": 60, "leases": 20}), checks)


@asynccontextmanager
async def _served(
    health: Health, metrics: Metrics | None = None
) -> AsyncGenerator[aiohttp.ClientSession]:
    server = HealthServer(pages(health, metrics), "127.0.0.1", 0)
    port = await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield session
    finally:
        await server.stop()


async def _get(health: Health, path: str) -> tuple[int, dict[str, Any]]:
    async with _served(health) as session, session.get(path) as response:
        return response.status, await response.json()


async def test_ready_names_each_that_answers() -> None:
    """200, and what was looked at."""
    status, body = await _get(_health({"redis": _ok, "core": _ok}), "/ready")
    assert status == 200
    assert body == {"ready": True, "draining": False, "checks": {"redis": "ok", "core": "ok"}}


async def test_a_worker_that_has_not_looked_at_its_servers_is_not_ready() -> None:
    """It may halt in a moment for what they lack, though each of them answers."""
    health = _health({"model": _ok})
    health.starting = True
    status, body = await _get(health, "/ready")
    assert (status, body["ready"], body["starting"]) == (503, False, True)
    health.starting = False
    assert (await _get(health, "/ready"))[0] == 200


async def test_ready_names_each_that_does_not() -> None:
    """503, and for each the reason a person needs; one does not hide another."""
    checks = {"redis": _ok, "core": _away, "model": _wrong}
    status, body = await _get(_health(checks), "/ready")
    assert status == 503
    assert body["checks"] == {
        "redis": "ok",
        "core": "Core cannot be reached",
        "model": "the server does not offer mistral",
    }


async def test_a_service_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The orchestrator's own patience is short."""
    monkeypatch.setattr(module, "_CHECK_TIMEOUT_S", 0.01)
    status, body = await _get(_health({"redis": _ok, "core": _hangs}), "/ready")
    assert status == 503
    assert body["checks"]["core"].startswith("no answer within")
    assert body["checks"]["redis"] == "ok"


async def test_ready_tells_what_jobs_wait_for() -> None:
    """Core's health may answer while it refuses jobs; what is away comes back by itself."""
    health = _health({"core": _ok})
    health.away = lambda: {"core": "Core answered 503"}
    status, body = await _get(health, "/ready")
    assert (status, body["checks"]["core"]) == (200, "ok")
    assert body["away"] == {"core": "Core answered 503"}


async def test_a_draining_worker_is_not_ready() -> None:
    """It lives, but wants no more work."""
    health = _health({"redis": _ok})
    health.draining = True
    status, body = await _get(health, "/ready")
    assert (status, body["ready"], body["draining"]) == (503, False, True)
    assert await _get(health, "/live") == (200, {"live": True, "stuck_s": {}})


async def test_a_long_reason_is_cut() -> None:
    """A page of HTML in an error does not become the answer."""

    async def wordy() -> None:
        raise ValueError("x" * 9_999)

    _, body = await _get(_health({"model": wordy}), "/ready")
    assert len(body["checks"]["model"]) < 250


async def test_a_loop_that_is_stuck_is_named() -> None:
    """503 with the loop and the seconds; the others still move; a beat heals it."""
    time = Time()
    health = _health({}, time)
    claim, leases = health.heartbeats.beat("claim"), health.heartbeats.beat("leases")
    time.now = 120.0
    assert (await _get(health, "/live"))[0] == 200  # on the bound is not over it
    claim()
    time.now = 121.0
    assert await _get(health, "/live") == (503, {"live": False, "stuck_s": {"leases": 21}})
    leases()
    assert await _get(health, "/live") == (200, {"live": True, "stuck_s": {}})


async def test_a_loop_that_never_moved_is_stuck_too() -> None:
    """Its time begins when it is registered, not with its first turn."""
    time = Time()
    heartbeats = Heartbeats(time.clock(), {"claim": 60})
    assert heartbeats.stuck() == {}
    heartbeats.beat("claim")
    time.now = 161.0
    assert heartbeats.stuck() == {"claim": 61}


async def test_live_asks_nobody() -> None:
    """A restart mends no Redis outage: only the worker's own loops count."""
    assert (await _get(_health({"redis": _away}), "/live"))[0] == 200


async def test_metrics_are_on_the_same_port() -> None:
    """In the text format that Prometheus reads; a worker without any has no such page."""
    metrics = Metrics()
    metrics.called("vllm", "mistral", "ok", 0.1, None)
    async with _served(_health({}), metrics) as session, session.get("/metrics") as response:
        kind, text = response.headers["Content-Type"], await response.text()
    assert kind.startswith("text/plain; version=")
    assert 'llm_worker_llm_calls_total{model="mistral",outcome="ok",provider="vllm"} 1.0' in text
    async with _served(_health({})) as session, session.get("/metrics") as response:
        assert response.status == 404


async def test_a_taken_port_is_an_os_error() -> None:
    """The start stops with it; nothing is left listening."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = HealthServer(pages(_health({})), "127.0.0.1", taken.getsockname()[1])
        with pytest.raises(OSError, match="address already in use"):
            await server.start()
        await server.stop()
