"""A server that hangs is left alone before its calls time out; over real HTTP."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.builders import turn, until
from tests.worker.llm.model_servers import chat_request
from tests.worker.llm.sites import Routed, Site, ended, good, hang, routed
from worker.errors import JobError, Snooze
from worker.llm import silence as room
from worker.llm.breaker import State
from worker.llm.causes import Cause
from worker.llm.chat import Completion
from worker.llm.client import OpenAIChat
from worker.llm.limit import Load
from worker.llm.replica import Replica
from worker.llm.silence import LOOKS, SilenceWatch
from worker.llm_config import ProviderName

STALL_S = 30.0
VLLM, OPENAI = ProviderName.VLLM, ProviderName.OPENAI


@dataclass
class Scene:
    """One server, watched all the time, and the calls that it holds."""

    net: Routed
    looks: list[str] = field(default_factory=list[str])
    """What came of each look at its health."""
    calls: list[asyncio.Task[Completion]] = field(default_factory=list[asyncio.Task[Completion]])
    left: list[str] = field(default_factory=list[str])
    """Why nobody could be asked, each time that a server was left alone."""

    @property
    def site(self) -> Site:
        """The server, or the first of them."""
        [[site, *_]] = self.net.sites.values()
        return site

    @property
    def replica(self) -> Replica:
        """What the router has of it."""
        return next(r for r in self.net.router.replicas if r.url == self.site.url)

    async def call(self, timeout_s: float = 30) -> asyncio.Task[Completion]:
        """A call that the server has."""
        asked = self.site.asked
        call = asyncio.create_task(self.replica.complete(chat_request(timeout_s=timeout_s)))
        self.calls.append(call)
        await until(lambda: self.site.asked > asked)
        return call

    async def looked(self, times: int) -> None:
        """Return when it has been looked at so many times more."""
        enough = len(self.looks) + times
        await until(lambda: len(self.looks) >= enough)


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch, provider: ProviderName = VLLM, servers: int = 1
) -> AsyncGenerator[Scene]:
    """A server that holds what it is asked; others are well."""
    monkeypatch.setattr(room, "EVERY_S", 0.0)
    monkeypatch.setattr(room, "LOOK_S", 0.05)
    async with routed({provider: servers}) as net:
        scene = Scene(net)
        scene.site.handler = hang
        ping = OpenAIChat.ping

        async def counted(client: OpenAIChat, timeout_s: float = 5.0) -> None:
            try:
                await ping(client, timeout_s)
            except JobError as error:
                scene.looks.append(error.cause)
                raise
            scene.looks.append("well")

        monkeypatch.setattr(OpenAIChat, "ping", counted)
        left = lambda: scene.left.append(net.router.away)  # noqa: E731
        watch = SilenceWatch(net.router.replicas, lambda: net.time[0], lambda: 0.5, STALL_S, left)
        watching = asyncio.create_task(watch.run())
        try:
            yield scene
        finally:
            for task in (watching, *scene.calls):
                await ended(task)


async def test_a_server_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes after is told why and spends no attempt; the call that it holds goes on."""
    async with watched(monkeypatch) as scene:
        scene.site.health = None
        held = await scene.call()
        await scene.looked(1)
        scene.net.turn(12.0)
        await until(lambda: scene.replica.breaker.state is State.OPEN)
        assert scene.looks == ["timeout"] * LOOKS
        with pytest.raises(Snooze, match="hangs: it has calls and answers nothing") as caught:
            await scene.net.router.complete(chat_request())
        assert scene.left == [str(caught.value)]
        assert caught.value.away
        assert not held.done()


async def test_its_own_calls_cost_no_attempt_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """What times out at a server that is known to hang is the server's fault, tried or not."""
    async with watched(monkeypatch) as scene:
        scene.site.health = None
        calls = [await scene.call(0.6), await scene.call(1.2)]
        await until(lambda: scene.replica.breaker.state is State.OPEN)
        with pytest.raises(Snooze) as caught:
            await calls[0]
        assert caught.value.suspect, "it may be what made the server hang"
        scene.net.turn(5.0)
        await scene.call()
        assert scene.replica.breaker.state is State.HALF_OPEN
        with pytest.raises(Snooze):
            await calls[1]


async def test_who_tries_a_server_that_is_away_is_no_suspect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It hung before it had that call; otherwise an outage of an hour would cost a job its life."""
    async with watched(monkeypatch) as scene:
        scene.replica.is_silent("it hangs")
        scene.net.turn(5.0)
        with pytest.raises(Snooze) as caught:
            await scene.net.router.complete(chat_request(timeout_s=0.05))
        assert not caught.value.suspect


async def test_another_server_has_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told that the model is away, and what times out may be asked again at once."""
    async with watched(monkeypatch, servers=2) as scene:
        scene.site.health = None
        other = next(r for r in scene.net.router.replicas if r is not scene.replica)
        held = await scene.call(0.6)
        await until(lambda: scene.replica.breaker.state is State.OPEN)
        assert scene.left == [""]
        with pytest.raises(Snooze):
            await held
        other.breaker.trip()
        scene.replica.has_said(Load(1.0, 0.0, 0.0))  # it was well when it had the next one
        scene.replica.breaker.reset()
        call = asyncio.create_task(scene.net.router.complete(chat_request(timeout_s=0.6)))
        scene.calls.append(call)
        await until(lambda: scene.replica.in_flight == 1)
        scene.replica.breaker.trip()
        other.breaker.reset()
        with pytest.raises(Snooze) as caught:
            await call
        assert (caught.value.suspect, caught.value.away) == (True, False)


@pytest.mark.parametrize("health", [200, 500, 503])
async def test_a_long_answer_is_no_silence(monkeypatch: pytest.MonkeyPatch, health: int) -> None:
    """A server that says how it is does not hang, however it is; what calls find decides."""
    async with watched(monkeypatch) as scene:
        scene.site.health = health
        await scene.call()
        await scene.looked(2 * LOOKS)
        assert scene.replica.breaker.state is State.CLOSED


@pytest.mark.parametrize("by", ["answers", "load"])
async def test_a_server_that_is_heard_is_not_left_alone(
    monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """Other calls that end, or its load, say enough, though its health cannot be asked."""
    async with watched(monkeypatch) as scene:
        scene.site.health = None
        await scene.call()
        scene.site.handler = good
        for _ in range(2 * LOOKS):
            await scene.looked(1)
            if by == "answers":
                await scene.replica.complete(chat_request())
            else:
                scene.replica.has_said(Load(1.0, 0.0, 0.0))
        assert scene.replica.breaker.state is State.CLOSED


async def test_looks_in_vain_are_forgotten_with_the_last_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An hour later they say nothing of the server."""
    async with watched(monkeypatch) as scene:
        scene.site.health = None
        for _ in range(3):
            held = await scene.call()
            await scene.looked(LOOKS - 1)
            await ended(held)
            await scene.looked(1)  # it was on its way
            await turn(50)
        assert scene.replica.breaker.state is State.CLOSED


async def test_one_answer_starts_the_count_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hiccup that ends is no silence, however often there is one."""
    async with watched(monkeypatch) as scene:
        await scene.call()
        for _ in range(3):
            scene.site.health = None
            await until(lambda: scene.looks[1 - LOOKS :] == ["timeout"] * (LOOKS - 1))
            scene.replica.has_said(Load(1.0, 0.0, 0.0))  # while the next look is on its way, or not
            scene.site.health = 200
            await until(lambda: scene.looks[-1:] == ["well"])
        assert scene.replica.breaker.state is State.CLOSED


async def test_an_engine_that_hangs_behind_a_healthy_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it is well, and that it does nothing, while it has a call."""
    async with watched(monkeypatch) as scene:
        stands, moves = (Load(0.0, 0.0, 0.0, tokens=tokens) for tokens in (53.0, 54.0))
        scene.replica.has_said(stands)
        await scene.call()
        for _ in range(2):
            scene.net.turn(STALL_S - 1)
            scene.replica.has_said(stands)
            await scene.looked(2)
            assert scene.replica.breaker.state is State.CLOSED
            scene.replica.has_said(moves)
            scene.replica.has_said(stands)
            await turn(50)
            await scene.looked(1)
        scene.net.turn(STALL_S / 2)
        scene.replica.has_said(stands)
        await scene.looked(2)
        scene.net.turn(STALL_S / 2)
        await until(lambda: scene.replica.breaker.state is State.OPEN)
        assert "no token is made" in scene.left[0]
        assert set(scene.looks) == {"well"}
        assert scene.replica.silent
        scene.replica.has_said(moves)
        assert not scene.replica.silent


@pytest.mark.parametrize("load", [None, Load(1.0, 0.0, 0.0)])
async def test_who_does_not_count_is_not_judged_by_it(
    monkeypatch: pytest.MonkeyPatch, load: Load | None
) -> None:
    """Long answers of a server whose tokens nobody knows are no silence."""
    async with watched(monkeypatch) as scene:
        await scene.call()
        scene.replica.has_said(load)
        await scene.looked(1)
        scene.net.turn(10 * STALL_S)
        await scene.looked(2)
        assert scene.replica.breaker.state is State.CLOSED


async def test_it_is_used_again_and_watched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed again, it may hang a second time."""
    async with watched(monkeypatch) as scene:
        scene.site.health = None
        await scene.call()
        for _ in range(2):
            await until(lambda: scene.replica.breaker.state is State.OPEN)
            seen = len(scene.looks)
            await turn(50)
            assert len(scene.looks) == seen  # it is known
            scene.replica.breaker.reset()


async def test_nobody_is_asked_who_has_no_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first call, and after the last."""
    async with watched(monkeypatch) as scene:
        scene.site.health = None
        await turn(50)
        scene.site.handler = good
        await scene.net.router.complete(chat_request())
        await turn(50)
        assert scene.looks == []


async def test_a_server_in_the_cloud_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no address for its health, and counts what it is asked."""
    async with watched(monkeypatch, OPENAI) as scene:
        await scene.call()
        await turn(50)
        assert scene.looks == []


async def test_whatever_a_look_raises_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours or of a library's ends no worker, and is no silence."""
    async with watched(monkeypatch) as scene:
        scene.site.health = None
        seen: list[None] = []

        async def odd(_client: OpenAIChat, _timeout_s: float) -> None:
            seen.append(None)
            raise ValueError("a library's")

        with monkeypatch.context() as patch:
            patch.setattr(OpenAIChat, "ping", odd)
            await scene.call()
            await until(lambda: len(seen) > LOOKS)
            assert scene.replica.breaker.state is State.CLOSED
        await until(lambda: scene.replica.breaker.state is State.OPEN)


async def test_a_machine_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls that it held wait for packets that never come; new connections fail."""
    async with watched(monkeypatch) as scene:
        await scene.call()

        async def refused(_client: OpenAIChat, _timeout_s: float) -> None:
            raise Snooze("no route to host", cause=Cause.CONNECTION_ERROR)

        monkeypatch.setattr(OpenAIChat, "ping", refused)
        await until(lambda: scene.replica.breaker.state is State.OPEN)
