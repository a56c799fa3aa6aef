"""What servers say of their load: read from anything, asked for only while it is needed."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import turn, until
from tests.worker.llm.model_servers import chat_request, serving
from tests.worker.llm.sites import Routed, ended, hang, routed
from worker.embedded.model_tally import Tally
from worker.errors import Retryable
from worker.llm import load_watch as room
from worker.llm.chat import ModelRole
from worker.llm.client import MAX_LOAD_BYTES
from worker.llm.limit import AdaptiveLimit, Bounds, Load, Reason
from worker.llm.load_watch import IDLE_S, TELL_EVERY_S, LoadWatch, read_load
from worker.llm.peers import Alone, Peers
from worker.llm_config import ProviderName

VLLM, OPENAI = ProviderName.VLLM, ProviderName.OPENAI
PLAIN = b"vllm:num_requests_running 3\nvllm:num_requests_waiting 1\n"


def told(running: float, waiting: float, kv: float = 0.0) -> bytes:
    """A server's words, with its labels."""
    label = 'engine="0",model_name="a } 7 b"'
    return (
        "# HELP vllm:num_requests_running Number of requests.\n"
        f"vllm:num_requests_running{{{label}}} {running}\n"
        f"vllm:num_requests_waiting{{{label}}} {waiting}\n"
        f'vllm:num_requests_waiting_by_reason{{reason="capacity"}} 99\n'
        f"vllm:kv_cache_usage_perc{{{label}}} {kv}\n"
    ).encode()


def test_the_three_gauges() -> None:
    """With labels, without, with a time behind them, and as the stand-in says them."""
    assert read_load(told(3, 1, 0.25)) == Load(3, 1, 0.25)
    assert read_load(PLAIN) == Load(3, 1, 0)
    assert read_load(PLAIN.replace(b"\n", b" 1700000000\n")) == Load(3, 1, 0)
    tally = Tally(("a", "b"), 100)
    with tally.wait("a"), tally.run("b", 50), tally.run("a", 20):
        assert read_load(tally.metrics().encode()) == Load(2, 1, 0.5, tokens=0)


def test_tokens_are_those_read_and_those_made() -> None:
    """Only together: with one alone a server would seem to stand still while it reads."""
    read = b'vllm:prompt_tokens_total{engine="0"} 3.0\nvllm:prompt_tokens_total{engine="1"} 4.0\n'
    made = b'vllm:generation_tokens_total{engine="0"} 1.5e+06\n'
    found = read_load(PLAIN + read + made)
    assert found is not None
    assert found.tokens == 1_500_007
    assert read_load(PLAIN + read) == read_load(PLAIN + made) == Load(3, 1, 0)


def test_engines_are_added_up() -> None:
    """The fullest cache is the one that counts."""
    assert read_load(told(3, 1, 0.25) + told(4, 2, 0.5)) == Load(7, 3, 0.5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>503</html>",
        b"vllm:num_requests_running 3\n",
        told(float("nan"), 1),
        told(3, float("inf")),
        told(-1, 1),
        PLAIN.replace(b"3", b"many"),
        PLAIN.replace(b"3", b"9" * 33),
        PLAIN + b"vllm:num_requests_waiting{a=",
        PLAIN + b"vllm:kv_cache_usage_perc \n",
        b"vllm:num_requests_waiting{" * 50_000,
    ],
)
def test_what_is_no_load(body: bytes) -> None:
    """One line that cannot be read is enough to believe nothing."""
    assert read_load(body) is None


@given(st.binary(max_size=200), st.sampled_from([b"", PLAIN, told(1, 2)]))
def test_nothing_makes_it_fail(noise: bytes, before: bytes) -> None:
    """It reads it or leaves it."""
    found = read_load(before + noise)
    assert found is None or found.running >= 0


# ------------------------------------------------------------------------ asking


async def test_a_load_without_an_end_is_not_read() -> None:
    """A megabyte is more than any server has to say."""

    async def endless(request: web.Request) -> web.Response:
        assert request.path == "/metrics"
        return web.Response(body=b"x" * (MAX_LOAD_BYTES + 1))

    async with serving(endless) as client:
        with pytest.raises(Retryable):
            await client.load()


class Metrics:
    """A `/metrics` that a test sets, and that counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.reply: Callable[[], web.Response] = lambda: web.Response(body=PLAIN)

    async def answer(self, _request: web.Request) -> web.Response:
        """Say what the test wants."""
        self.asked += 1
        return self.reply()


@asynccontextmanager
async def watched(
    provider: ProviderName = VLLM, peers: Peers | None = None
) -> AsyncGenerator[tuple[Routed, Metrics]]:
    """One server with a limit for texts, watched every few milliseconds."""
    metrics = Metrics()
    async with routed({provider: 1}) as net:
        [site], [replica] = net.sites[provider], net.replicas(provider)
        site.metrics = metrics.answer
        replica.limits = {ModelRole.TEXT: AdaptiveLimit(Bounds(2, 64, 8))}
        watch = LoadWatch([replica], lambda: net.time[0], lambda: 0.5, peers or Alone())
        watching = asyncio.create_task(watch.run())
        try:
            yield net, metrics
        finally:
            watching.cancel()
            await asyncio.wait({watching})


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "EVERY_S", 0.005)


async def test_nobody_is_asked_before_there_is_work_and_long_after_it() -> None:
    """An idle worker is silent."""
    async with watched() as (net, metrics):
        await turn(50)
        assert metrics.asked == 0
        await net.router.complete(chat_request())
        await until(lambda: metrics.asked >= 3)
        net.turn(IDLE_S)
        [replica] = net.replicas(VLLM)
        await until(lambda: replica.resting)
        before = metrics.asked
        await turn(50)
        assert metrics.asked == before
        await net.router.complete(chat_request())
        await until(lambda: metrics.asked > before)


async def test_what_it_says_reaches_the_limit() -> None:
    """Together with how many of our calls it had."""
    async with watched() as (net, metrics):
        metrics.reply = lambda: web.Response(body=told(4, 4))
        await net.router.complete(chat_request())
        [replica] = net.replicas(VLLM)
        await until(lambda: replica.limits[ModelRole.TEXT].reason is Reason.FLOOR)
        assert replica.load == Load(4, 4)
        [facts] = net.router.limits
        assert (facts.limit, facts.waiting, facts.in_flight) == (2, 4, 0)


@pytest.mark.parametrize("status", [401, 404, 500, 200])
async def test_no_answer_hurts(status: int) -> None:
    """Whatever it is; the server counts as one that tells nothing."""
    async with watched() as (net, metrics):
        metrics.reply = lambda: web.Response(status=status, text="<html>")
        await net.router.complete(chat_request())
        await until(lambda: metrics.asked >= 3)
        [replica] = net.replicas(VLLM)
        assert replica.limits[ModelRole.TEXT].reason is Reason.NO_METRICS
        assert (await net.router.complete(chat_request())).text == '{"a":1}'


async def test_the_silence_of_a_server_that_is_left_alone_means_nothing() -> None:
    """When it is back it has the limit that it had."""
    async with watched() as (net, metrics):
        await net.router.complete(chat_request())
        [replica] = net.replicas(VLLM)
        await until(lambda: replica.load is not None)
        replica.breaker.trip()
        metrics.reply = lambda: web.Response(status=502)
        before = metrics.asked
        await until(lambda: metrics.asked >= before + 3)
        assert replica.limits[ModelRole.TEXT].reason is not Reason.STALE


async def test_a_server_without_such_an_address_is_not_asked() -> None:
    """It has a limit all the same."""
    async with watched(OPENAI) as (net, metrics):
        await net.router.complete(chat_request())
        await turn(50)
        assert metrics.asked == 0


class Fleet:
    """`Peers` that a test makes up, and that writes down."""

    def __init__(self, *others: Mapping[str, float]) -> None:
        self.others = others
        self.told: list[tuple[str, Mapping[str, float]]] = []

    async def meet(self, server: str, using: Mapping[str, float]) -> Sequence[Mapping[str, float]]:
        """Note it."""
        self.told.append((server, using))
        return self.others


@pytest.mark.parametrize("provider", [VLLM, OPENAI])
async def test_workers_hear_of_each_other_while_they_work(provider: ProviderName) -> None:
    """Of what they could use more of; also where the server itself tells nothing."""
    fleet = Fleet({"text": 40.0, "vision": 3.0, "sound": 9.0}, {})
    async with watched(provider, fleet) as (net, metrics):
        metrics.reply = lambda: web.Response(body=told(8, 0))
        [site], [replica] = net.sites[provider], net.replicas(provider)
        await net.router.complete(chat_request())
        assert fleet.told == [], "between calls there is nothing to share"
        site.handler = hang
        calls = [asyncio.create_task(net.router.complete(chat_request())) for _ in range(8)]
        await until(lambda: replica.limits[ModelRole.TEXT].reason is Reason.SHARED)
        assert replica.limits[ModelRole.TEXT].value >= 8 + int(0.3 * (24 - 8))
        assert (replica.url, {"text": 8.0}) in fleet.told
        for call in calls:
            await ended(call)


async def test_who_does_not_use_its_limit_is_not_drawn_to_the_others() -> None:
    """It says that it uses nothing, and its limit stays."""
    fleet = Fleet({"text": 40.0})
    async with watched(VLLM, fleet) as (net, metrics):
        metrics.reply = lambda: web.Response(body=told(8, 0))
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)
        site.handler = hang
        call = asyncio.create_task(net.router.complete(chat_request()))
        await until(lambda: len(fleet.told) >= 3)
        assert {str(using) for _, using in fleet.told} == {"{}"}
        assert replica.limits[ModelRole.TEXT].value == 8
        await ended(call)


async def test_the_log_says_why_and_not_too_often() -> None:
    """One line for a change, and none in the ten seconds after one."""
    lines: list[Any]
    with structlog.testing.capture_logs() as lines:
        async with watched() as (net, metrics):
            await net.router.complete(chat_request())
            await until(lambda: metrics.asked >= 2)
            metrics.reply = lambda: web.Response(body=told(4, 4))
            seen = metrics.asked
            await until(lambda: metrics.asked >= seen + 3)
            assert _limits(lines) == []
            net.turn(TELL_EVERY_S)
            await until(lambda: len(_limits(lines)) == 1)
            metrics.reply = lambda: web.Response(body=PLAIN.replace(b"1", b"0"))
            seen = metrics.asked
            await until(lambda: metrics.asked >= seen + 3)
        [line] = _limits(lines)
    assert (line["limits"], line["why"], line["waiting"]) == ({"text": 2}, {"text": "floor"}, 4)


def _limits(lines: list[Any]) -> list[Any]:
    return [line for line in lines if line["event"] == "model_limit"]
