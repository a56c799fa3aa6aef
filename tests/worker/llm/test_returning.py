"""Servers that are left alone are seen coming back; over real HTTP."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.builders import turn, until
from tests.worker.llm.model_servers import answering, chat_request
from tests.worker.llm.sites import Routed, Site, ended, routed
from worker.errors import JobError, Snooze
from worker.llm import returning as room
from worker.llm.breaker import State
from worker.llm.client import OpenAIChat
from worker.llm.replica import Replica
from worker.llm.returning import ReturnWatch
from worker.llm_config import ProviderName

VLLM, OPENAI = ProviderName.VLLM, ProviderName.OPENAI


@dataclass
class Looks:
    """How often a server's health was asked, and what came of it."""

    ended: int = 0
    backs: int = 0


@dataclass
class Scene:
    """One server, watched every few milliseconds; the breaker's clock stands still."""

    net: Routed
    looks: Looks = field(default_factory=Looks)

    @property
    def site(self) -> Site:
        """The server."""
        [[site]] = self.net.sites.values()
        return site

    @property
    def replica(self) -> Replica:
        """What the router has of it."""
        [replica] = self.net.router.replicas
        return replica

    def open(self) -> None:
        """Leave it alone."""
        self.replica.breaker.trip()
        self.replica.tell()

    async def looked(self, times: int = 2) -> None:
        """Return when it has been looked at so many times more."""
        enough = self.looks.ended + times
        await until(lambda: self.looks.ended >= enough)


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch, provider: ProviderName = VLLM
) -> AsyncGenerator[Scene]:
    """A server of this provider with a watch over it."""
    monkeypatch.setattr(room, "EVERY_S", 0.005)
    async with routed({provider: 1}) as net:
        scene = Scene(net)
        ping = OpenAIChat.ping

        async def counted(client: OpenAIChat, timeout_s: float = 5.0) -> None:
            try:
                await ping(client, timeout_s)
            finally:
                scene.looks.ended += 1

        def back() -> None:
            scene.looks.backs += 1

        monkeypatch.setattr(OpenAIChat, "ping", counted)
        watching = asyncio.create_task(ReturnWatch(net.router.replicas, lambda: 0.5, back).run())
        try:
            yield scene
        finally:
            await ended(watching)


async def test_one_that_was_away_is_used_as_soon_as_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While it is away nothing is tried; then calls are let through, and who waits is told."""
    async with watched(monkeypatch) as scene:
        scene.site.health = 503
        scene.open()
        await scene.looked()
        assert (scene.replica.usable, scene.looks.backs) == (False, 0)
        assert scene.replica.last_error  # what the looks have found is what is told
        scene.site.health = 200
        await until(lambda: scene.replica.usable)
        await until(lambda: scene.looks.backs == 1)
        for _ in range(3):
            await scene.net.router.complete(chat_request())
        assert scene.replica.breaker.state is State.CLOSED


async def test_good_health_and_bad_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left alone for twice as long each time, whatever its health says."""
    async with watched(monkeypatch) as scene:
        scene.site.handler = answering(500)
        scene.open()
        for rest_s in (5.0, 10.0, 20.0):
            await scene.looked()
            assert scene.replica.breaker.due_in_s == rest_s
            scene.net.turn(rest_s)
            with pytest.raises(Snooze):
                await scene.net.router.complete(chat_request())
        assert scene.site.asked == 3


async def test_who_waits_is_told_of_the_breaker_s_own_time_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that is looked at in vain is tried when its time has come, and not seconds later."""
    async with watched(monkeypatch) as scene:
        scene.open()
        await scene.looked()
        assert scene.looks.backs == 0
        scene.net.turn(5.0)
        await until(lambda: scene.looks.backs == 1)


async def test_nobody_is_looked_at_who_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before anything has happened, and not after all is well again."""
    async with watched(monkeypatch) as scene:
        await turn(50)
        assert scene.looks.ended == 0
        scene.open()
        await scene.looked()
        scene.replica.breaker.reset()
        await until(lambda: scene.looks.backs == 1)
        seen = scene.looks.ended
        await turn(50)
        assert scene.looks.ended == seen
        scene.open()  # and it is watched the next time again
        await scene.looked()


async def test_a_server_in_the_cloud_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no address for its health, and counts what it is asked."""
    async with watched(monkeypatch, OPENAI) as scene:
        scene.open()
        await turn(50)
        assert scene.looks.ended == 0


@pytest.mark.parametrize("error", [ValueError("a library's"), JobError("odd", cause="http_401")])
async def test_whatever_a_look_raises_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """What is neither good health nor bad says nothing, and ends no worker."""
    async with watched(monkeypatch) as scene:
        seen: list[None] = []

        async def odd(_client: OpenAIChat, _timeout_s: float) -> None:
            seen.append(None)
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(OpenAIChat, "ping", odd)
            scene.open()
            await until(lambda: len(seen) >= 2)
        await scene.looked()
        assert scene.replica.breaker.due_in_s == 5.0
