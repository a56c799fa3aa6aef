"""Calls within limits: who waits, who is next, and what the slots are told."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from shared.enums import FailureReason
from tests.builders import turn, until
from tests.worker.llm.model_servers import answering, chat_request
from tests.worker.llm.sites import Routed, good, routed
from worker.errors import Reject, Retryable, Snooze
from worker.llm.breaker import BreakerLimits, State
from worker.llm.causes import Cause
from worker.llm.chat import ChatRequest, Completion, ModelRole
from worker.llm.limit import AdaptiveLimit, Bounds, Load, Reason
from worker.llm.replica import Replica
from worker.llm_config import ProviderName

VLLM, OPENAI = ProviderName.VLLM, ProviderName.OPENAI
TEXT, VISION = ModelRole.TEXT, ModelRole.VISION


def limited(net: Routed, at_once: int, *, measured: bool = True) -> list[Replica]:
    """Give every server a limit for each kind of call; returns the servers."""
    for replica in net.router.replicas:
        bounds = Bounds(1, 64, at_once)
        replica.limits = {role: AdaptiveLimit(bounds, measured=measured) for role in ModelRole}
    return net.router.replicas


class Held:
    """A handler that answers one request for each `release`."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self._permits = asyncio.Semaphore(0)

    async def __call__(self, request: web.Request) -> web.Response:
        """Hold it."""
        self.order.append(request.headers["X-Request-Id"])
        await self._permits.acquire()
        return await good(request)

    def release(self, times: int = 1) -> None:
        """Let some go."""
        for _ in range(times):
            self._permits.release()


def ask(net: Routed, name: str, timeout_s: float = 20.0) -> "asyncio.Task[Any]":
    """A call under a name."""
    return asyncio.create_task(net.router.complete(chat_request(timeout_s, name)))


async def test_no_more_at_once_than_the_limit_in_the_order_of_coming() -> None:
    """Each end lets the next one in."""
    async with routed({VLLM: 1}) as net:
        held = net.sites[VLLM][0].handler = Held()
        [replica] = limited(net, 2)
        calls = [ask(net, str(number)) for number in range(6)]
        for number in range(4):
            await until(lambda number=number: len(held.order) == number + 2)
            await turn(20)
            assert (len(held.order), replica.in_flight) == (number + 2, 2)
            held.release()
        held.release(2)
        await asyncio.gather(*calls)
        assert sorted(held.order[:2]) == ["0", "1"]
        assert held.order[2:] == ["2", "3", "4", "5"]


async def test_room_anywhere_is_room() -> None:
    """The other replica is used up before anybody waits."""
    async with routed({VLLM: 2}) as net:
        held = Held()
        for site in net.sites[VLLM]:
            site.handler = held
        limited(net, 2)
        calls = [ask(net, str(number)) for number in range(5)]
        await until(lambda: len(held.order) == 4)
        assert [replica.in_flight for replica in net.router.replicas] == [2, 2]
        held.release(5)
        await asyncio.gather(*calls)


async def test_full_is_no_reason_for_the_fallback() -> None:
    """It costs money; the first provider is well."""
    async with routed({VLLM: 1, OPENAI: 1}) as net:
        held = net.sites[VLLM][0].handler = Held()
        limited(net, 1)
        calls = [ask(net, str(number)) for number in range(2)]
        await until(lambda: len(held.order) == 1)
        held.release(2)
        assert [done.provider for done in await asyncio.gather(*calls)] == ["vllm", "vllm"]


async def test_who_waits_too_long_comes_again_later() -> None:
    """It costs no attempt, and the server is not to blame."""
    async with routed({VLLM: 1}) as net:
        held = net.sites[VLLM][0].handler = Held()
        [replica] = limited(net, 1)
        first = ask(net, "first")
        await until(lambda: len(held.order) == 1)
        with pytest.raises(Snooze) as caught:
            await ask(net, "second", timeout_s=0.02)
        assert (caught.value.cause, caught.value.suspect) == (Cause.NO_ROOM, False)
        assert replica.breaker.state is State.CLOSED
        held.release()
        await first


async def test_who_is_cancelled_in_the_line_holds_nobody_up() -> None:
    """The next one has its place."""
    async with routed({VLLM: 1}) as net:
        held = net.sites[VLLM][0].handler = Held()
        limited(net, 1)
        first = ask(net, "first")
        await until(lambda: len(held.order) == 1)
        gone, last = ask(net, "gone"), ask(net, "last")
        await turn()
        gone.cancel()
        held.release(2)
        await asyncio.gather(first, last)
        assert held.order == ["first", "last"]


async def test_a_growing_limit_lets_the_next_ones_in() -> None:
    """They need not wait for somebody's end."""
    async with routed({VLLM: 1}) as net:
        held = net.sites[VLLM][0].handler = Held()
        [replica] = limited(net, 2)
        calls = [ask(net, str(number)) for number in range(3)]
        await until(lambda: len(held.order) == 2)
        replica.has_said(Load(running=2, waiting=0))
        await until(lambda: len(held.order) == 3)
        held.release(3)
        await asyncio.gather(*calls)


async def test_texts_and_pictures_have_a_limit_each() -> None:
    """One kind's crowd is not in the other's way."""
    async with routed({VLLM: 1}) as net:
        held = net.sites[VLLM][0].handler = Held()
        [replica] = limited(net, 1)
        calls = [ask(net, str(number)) for number in range(2)]
        await until(lambda: len(held.order) == 1)
        assert (replica.has_room(TEXT), replica.has_room(VISION)) == (False, True)
        held.release(2)
        await asyncio.gather(*calls)
        assert replica.has_room(TEXT)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refusal_cuts_and_a_bad_answer_does_not(status: int) -> None:
    """Only what says that there is too much to do."""
    async with routed({VLLM: 1}) as net:
        [site], [replica] = net.sites[VLLM], limited(net, 20)
        site.handler = answering(500)
        with pytest.raises(Retryable):
            await net.router.complete(chat_request())
        assert replica.limits[TEXT].value == 20
        site.handler = answering(status)
        with pytest.raises(Snooze):
            await net.router.complete(chat_request())
        assert (replica.limits[TEXT].value, replica.limits[TEXT].reason) == (12, Reason.OVERLOAD)
        assert replica.limits[VISION].value == 20


async def test_a_timeout_cuts() -> None:
    """So does a server that answers nobody in time."""
    async with routed({VLLM: 1}) as net:
        net.sites[VLLM][0].handler, [replica] = Held(), limited(net, 20)
        with pytest.raises(Retryable):
            await net.router.complete(chat_request(timeout_s=0.02))
        assert replica.limits[TEXT].value == 12


async def test_success_grows_where_the_server_tells_nothing() -> None:
    """One a second, while the limit is used."""
    async with routed({VLLM: 1}) as net:
        [replica] = limited(net, 1, measured=False)
        for _ in range(3):
            await net.router.complete(chat_request())
            net.turn(1.0)
        assert replica.limits[TEXT].value == 2


async def test_what_it_waits_is_taken_off_the_deadline() -> None:
    """The call has what is left of it, and none is made when nothing is."""
    async with routed({VLLM: 1}) as net:
        held, asked = Held(), list[ChatRequest]()
        net.sites[VLLM][0].handler = held
        [replica] = limited(net, 1)
        _note_requests(replica, asked)
        first = ask(net, "first")
        await until(lambda: len(held.order) == 1)
        request = replace(chat_request(20.0, "late"), left_s=20.0)
        late = asyncio.create_task(net.router.complete(request))
        await turn()
        held.release(2)
        await asyncio.gather(first, late)
        assert [request.timeout_s == 20.0 for request in asked] == [True, False]
        assert 0 < asked[1].timeout_s < 20.0
        with pytest.raises(Reject) as expired:
            await net.router.complete(replace(request, left_s=0.0))
        assert expired.value.reason is FailureReason.EXPIRED
        assert len(asked) == 2


def _note_requests(replica: Replica, asked: list[ChatRequest]) -> None:
    complete = replica.client.complete

    async def noted(request: ChatRequest) -> Completion:
        asked.append(request)
        return await complete(request)

    replica.client.complete = noted  # type: ignore[method-assign] - what the server is asked


async def test_the_wait_for_a_verdict_and_for_room_have_one_end() -> None:
    """Both together take no longer than the call itself may."""
    async with routed({VLLM: 1}, limits=BreakerLimits(min_calls=1, probes=1)) as net:
        held = net.sites[VLLM][0].handler = Held()
        [replica] = limited(net, 1)
        replica.breaker.trip()
        net.turn(60)
        probe = ask(net, "probe")
        await until(lambda: len(held.order) == 1)
        with pytest.raises(Snooze) as caught:
            await ask(net, "second", timeout_s=0.02)
        assert caught.value.cause == Cause.BREAKER_OPEN
        held.release()
        await probe


async def test_who_had_next_to_no_time_left_says_nothing_of_the_server() -> None:
    """A crowd that has waited here until its deadlines would have it cut and left alone."""
    async with routed({VLLM: 1}, limits=BreakerLimits(min_calls=1)) as net:
        net.sites[VLLM][0].handler, [replica] = Held(), limited(net, 20)
        for hurried, limit, state in ((True, 20, State.CLOSED), (False, 12, State.OPEN)):
            with pytest.raises((Retryable, Snooze), match="no answer from the model"):
                await replica.complete(replace(chat_request(0.02), hurried=hurried))
            assert (replica.limits[TEXT].value, replica.breaker.state) == (limit, state)


# ------------------------------------------------------------------------ the slots


async def test_the_slots_follow_the_servers_in_use() -> None:
    """What they take now, of the kinds that are asked for; those left alone count for nothing."""
    heard: list[int] = []
    async with routed({VLLM: 2, OPENAI: 1}, limits=BreakerLimits(min_calls=2)) as net:
        one, other, spare = limited(net, 8)
        spare.limits = {TEXT: AdaptiveLimit(Bounds(1, 64, 5))}
        net.router.follow(heard.append, [TEXT])
        assert heard == [16]
        one.has_said(Load(2, 20))
        assert heard[-1] == 12
        one.breaker.trip()
        one.tell()
        assert heard[-1] == 8
        other.breaker.trip()
        other.tell()
        assert heard[-1] == 8, "nobody can be asked: it stays as it was"
        await net.router.complete(chat_request())
        assert heard[-1] == 5
        one.breaker.reset()
        other.breaker.reset()
        await net.router.complete(chat_request())
        assert heard[-1] == 12


async def test_without_limits_nothing_is_said() -> None:
    """Then the slots are as many as the settings say."""
    heard: list[int] = []
    async with routed({VLLM: 1}) as net:
        net.router.follow(heard.append, list(ModelRole))
        await net.router.complete(chat_request())
    assert heard == []


def _by_role(net: Routed) -> Mapping[str, int]:
    return {facts.role: facts.in_flight for facts in net.router.limits}


async def test_facts_for_whoever_asks() -> None:
    """What is in flight now, by kind."""
    async with routed({VLLM: 1}) as net:
        held = net.sites[VLLM][0].handler = Held()
        limited(net, 2)
        call = ask(net, "one")
        await until(lambda: len(held.order) == 1)
        assert _by_role(net) == {"text": 1, "vision": 0}
        held.release()
        await call
        assert _by_role(net) == {"text": 0, "vision": 0}


async def test_what_is_claimed_follows_the_kind_there_is() -> None:
    """With texts only no room for pictures is counted, as soon as a text has waited for it."""
    heard: list[int] = []
    async with routed({VLLM: 1}) as net:
        held = net.sites[VLLM][0].handler = Held()
        limited(net, 4)
        net.router.follow(heard.append, list(ModelRole))
        calls = [ask(net, str(number)) for number in range(4)]
        await until(lambda: len(held.order) == 4)
        assert heard[-1] == 8
        calls.append(ask(net, "waits"))
        await until(lambda: heard[-1] == 5)
        held.release()
        await until(lambda: len(held.order) == 5)
        assert heard[-1] == 5
        held.release(4)
        await asyncio.gather(*calls)
        assert heard[-1] == 8
