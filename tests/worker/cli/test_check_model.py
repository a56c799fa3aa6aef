"""A model server that is not there, one that hangs and one that is slow are told apart."""

from dataclasses import replace

import aiohttp
import httpx2
import pytest

from shared.config import load_settings
from tests.worker.llm.sites import Routed, hang, routed
from worker.cli import check_model
from worker.cli.check_model import server_finding
from worker.cli.finding import Finding, Verdict
from worker.config import Settings
from worker.llm import preflight
from worker.llm.model_http import ModelHttp
from worker.llm_config import ProviderName

VLLM = ProviderName.VLLM


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for long."""
    monkeypatch.setattr(check_model, "_SILENT_AFTER_S", 0.2)
    song = vars(preflight)["_SONG"]
    monkeypatch.setattr(preflight, "_SONG", replace(song, timeout_s=0.2))


async def find(net: Routed) -> Finding:
    """What is found at its only server."""
    [replica] = net.replicas(VLLM)
    finding = await server_finding(load_settings(Settings, _env_file=None), replica)
    assert finding.verdict is Verdict.FAILED
    return finding


async def test_one_that_is_not_there() -> None:
    """Nobody listens: it is to be started, or asked elsewhere."""
    async with routed({VLLM: 1}, down=True) as net:
        finding = await find(net)
    assert finding.found.endswith("/v1 cannot be reached: connection refused")
    assert finding.fix.startswith("start the model server")


async def test_one_that_hangs() -> None:
    """It takes the connection, and not even its health answers."""
    async with routed({VLLM: 1}) as net:
        net.sites[VLLM][0].health = None
        finding = await find(net)
    assert finding.found == "it takes the connection and says nothing within 0.2 s"
    assert "restart it" in finding.fix


async def test_one_that_has_hung_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queue of connections is full by then: it is still no server to be started."""

    async def full(*_: object) -> None:
        raise httpx2.ConnectError("") from aiohttp.ConnectionTimeoutError()

    monkeypatch.setattr(ModelHttp, "exchange", full)
    monkeypatch.setattr(ModelHttp, "handle_async_request", full)
    async with routed({VLLM: 1}) as net:
        finding = await find(net)
    assert "it does not take connections: it hangs, or" in finding.found
    assert "restart it" in finding.fix


async def test_one_that_is_slow() -> None:
    """Its health answers at once, a short question does not."""
    async with routed({VLLM: 1}) as net:
        net.sites[VLLM][0].handler = hang
        finding = await find(net)
    assert finding.found == "it is there, but did not answer a short question within 30 s"
    assert finding.fix.startswith("it is slow")


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (503, "wait while it loads"),
        (502, "a proxy answers in its place"),
        (500, "it answers, and cannot do it"),
    ],
)
async def test_one_that_says_no(status: int, fix: str) -> None:
    """One that loads its model, and a proxy in its place, need not be started anew."""
    async with routed({VLLM: 1}) as net:
        net.sites[VLLM][0].health = status
        finding = await find(net)
    assert f"answered {status}" in finding.found
    assert finding.fix.startswith(fix)
