"""Which server is asked, in every weather; over real HTTP, on the breakers' own clock."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from shared.enums import FailureReason
from tests.builders import until
from tests.worker.llm.model_servers import answering, chat_request
from tests.worker.llm.sites import Site, Spent, good, routed
from worker.errors import Halt, Reject, Retryable, Snooze
from worker.llm.breaker import BreakerLimits, State
from worker.llm.causes import Cause
from worker.llm.chat import ModelRole
from worker.llm_config import ProviderName

VLLM, OPENAI = ProviderName.VLLM, ProviderName.OPENAI
QUICK = BreakerLimits(min_calls=2, open_s=5.0, probes=2)

Lines = Callable[[str], list[dict[str, Any]]]


async def hang(_request: web.Request) -> web.Response:
    """Never answer."""
    await asyncio.Event().wait()
    return web.Response()


async def reset(request: web.Request) -> web.Response:
    """Go away over a request."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_the_less_busy_of_two() -> None:
    """A replica that is busy gets no more while another is idle."""
    async with routed({VLLM: 2}) as net:
        busy, idle = net.sites[VLLM]
        busy.handler = hang
        net.replicas(VLLM)[0].in_flight = 5
        for _ in range(6):
            await net.router.complete(chat_request())
        assert (busy.asked, idle.asked) == (0, 6)


async def test_many_replicas_share_the_work() -> None:
    """Nobody is left out, nobody has most of it."""
    async with routed({VLLM: 4}) as net:
        await asyncio.gather(*(net.router.complete(chat_request()) for _ in range(80)))
        asked = [site.asked for site in net.sites[VLLM]]
        assert sum(asked) == 80
        assert min(asked) > 0


async def test_a_replica_that_is_not_there_is_asked_once() -> None:
    """The call goes to another one, and costs nobody anything."""
    async with routed({VLLM: 1}, down=True) as dead, routed({VLLM: 1}) as alive:
        both = [*dead.router.replicas, *alive.router.replicas]
        upstream = alive.router.upstreams[0]
        alive.router.upstreams = (type(upstream)("vllm", upstream.models, both),)
        for _ in range(10):
            assert (await alive.router.complete(chat_request())).text == '{"a":1}'
        assert dead.told.calls["vllm", Cause.CONNECTION_ERROR] == 3
        assert both[0].breaker.state is State.OPEN


async def test_alone_and_not_there_is_an_outage() -> None:
    """Each call tries once; after three nobody is asked at all."""
    async with routed({VLLM: 1}, down=True) as net:
        for cause in [Cause.CONNECTION_ERROR] * 3 + [Cause.BREAKER_OPEN]:
            with pytest.raises(Snooze) as caught:
                await net.router.complete(chat_request())
            assert (caught.value.cause, caught.value.after_s) == (cause, None)
        assert sum(net.told.calls.values()) == 3


async def test_who_is_left_alone_is_told_with_the_reason(lines: Lines) -> None:
    """Whoever is woken an hour later reads there what was wrong, and what is by now."""
    async with routed({VLLM: 1}, down=True) as net:
        [replica] = net.replicas(VLLM)
        for _ in range(3):
            with pytest.raises(Snooze):
                await net.router.complete(chat_request())
        with pytest.raises(Snooze, match=r"left alone: .*cannot be reached: connection refused"):
            await net.router.complete(chat_request())
        [alone] = lines("model_server_left_alone")
        assert alone["why"].endswith("connection refused")
        assert replica.ails(Snooze("no answer within 2 s", cause=Cause.TIMEOUT))
        assert not replica.ails(Reject(FailureReason.BUG, "bad prompt", cause=Cause.REFUSED))
        with pytest.raises(Snooze, match="left alone: no answer within 2 s"):
            await net.router.complete(chat_request())


async def test_an_answer_ends_what_was_wrong() -> None:
    """What was, is not told of a server that is well."""
    async with routed({VLLM: 1}) as net:
        [replica] = net.replicas(VLLM)
        replica.ails(Snooze("no answer", cause=Cause.TIMEOUT))
        await net.router.complete(chat_request())
        assert replica.last_error == ""


async def test_the_fallback_waits_for_the_breaker(lines: Lines) -> None:
    """A few failures are the first provider's own affair; when it is left alone, it is used."""
    async with routed({VLLM: 1, OPENAI: 1}, limits=QUICK) as net:
        [first], [second] = net.sites.values()
        first.handler = answering(500)
        with pytest.raises(Retryable):
            await net.router.complete(chat_request())
        assert second.asked == 0
        with pytest.raises(Snooze):  # the one that opens it: no attempt is spent on that
            await net.router.complete(chat_request())
        assert (await net.router.complete(chat_request())).provider == "openai"
        [switch] = lines("model_switched")
        assert (switch["old_provider"], switch["new_provider"]) == ("vllm", "openai")
        assert switch["old_model"] == switch["new_model"] == "mistral, llava"
        assert switch["log_level"] == "info"
        await _recover(net, first, lines)


async def _recover(net: Any, first: Site, lines: Lines) -> None:
    first.handler = good
    net.turn(5.0)
    asked = [(await net.router.complete(chat_request())).provider for _ in range(4)]
    assert asked == ["vllm"] * 4
    assert [line["new_provider"] for line in lines("model_switched")] == ["openai", "vllm"]
    assert net.told.turns == [("vllm", "open"), ("vllm", "half_open"), ("vllm", "closed")]


async def test_a_failed_probe_costs_no_attempt() -> None:
    """It is the server that is sick; and who asks meanwhile has the fallback."""
    async with routed({VLLM: 1, OPENAI: 1}, limits=QUICK) as net:
        [first], _ = net.sites.values()
        first.handler = answering(500)
        net.replicas(VLLM)[0].breaker.trip()
        net.turn(5.0)
        with pytest.raises(Snooze) as caught:
            await net.router.complete(chat_request())
        assert caught.value.suspect
        assert (await net.router.complete(chat_request())).provider == "openai"


async def test_a_server_that_hangs_is_left_alone() -> None:
    """Timeouts count: the first spends an attempt, the one that opens does not."""
    async with routed({VLLM: 1}, limits=QUICK) as net:
        [site] = net.sites[VLLM]
        site.handler = hang
        with pytest.raises(Retryable) as spent:
            await net.router.complete(chat_request(timeout_s=0.05))
        assert spent.value.cause == Cause.TIMEOUT
        for cause in (Cause.TIMEOUT, Cause.BREAKER_OPEN):
            with pytest.raises(Snooze) as caught:
                await net.router.complete(chat_request(timeout_s=0.05))
            assert caught.value.cause == cause


@pytest.mark.parametrize("status", [400, 413, 422, 429])
async def test_what_the_server_refuses_does_not_open(status: int) -> None:
    """4xx are answers: however many there are, the server is well."""
    async with routed({VLLM: 1}, limits=QUICK) as net:
        net.sites[VLLM][0].handler = answering(status)
        for _ in range(10):
            with pytest.raises((Reject, Snooze)):
                await net.router.complete(chat_request())
        assert net.replicas(VLLM)[0].breaker.state is State.CLOSED


async def test_a_request_that_fells_a_server_is_not_carried_on() -> None:
    """The next replica would fall over it too."""
    async with routed({VLLM: 2}) as net:
        for site in net.sites[VLLM]:
            site.handler = reset
        with pytest.raises(Snooze) as caught:
            await net.router.complete(chat_request())
        assert caught.value.suspect
        assert sum(site.asked for site in net.sites[VLLM]) == 1


async def test_a_wrong_key_leaves_it_to_the_others(lines: Lines) -> None:
    """Loudly; and who has no other server stops."""
    async with routed({VLLM: 1, OPENAI: 1}) as net:
        [first], [second] = net.sites.values()
        first.handler = answering(401)
        assert (await net.router.complete(chat_request())).provider == "openai"
        [said] = lines("model_server_misconfigured")
        assert "LLM_API_KEY" in said["why"]
        assert said["log_level"] == "error"
        second.handler = answering(401)
        with pytest.raises(Halt):
            await net.router.complete(chat_request())


async def test_budgets() -> None:
    """A provider that has had its tokens is passed over; when all have, jobs wait."""
    spent = Spent({"vllm": 3_000.0})
    async with routed({VLLM: 1, OPENAI: 1}, budgets=spent) as net:
        assert (await net.router.complete(chat_request())).provider == "openai"
        assert spent.counted == {"openai": 9}
        spent.waits["openai"] = 40.0
        with pytest.raises(Snooze) as caught:
            await net.router.complete(chat_request())
        assert caught.value.cause == Cause.BUDGET_SPENT


async def test_who_comes_while_probes_are_out_waits_for_their_verdict() -> None:
    """Nobody is sent away for the moment it takes, and no more than the probes are on the wire."""
    async with routed({VLLM: 1}, limits=QUICK) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)
        release = asyncio.Event()

        async def slow(request: web.Request) -> web.Response:
            await release.wait()
            return await good(request)

        site.handler = slow
        replica.breaker.trip()
        net.turn(5.0)
        calls = [asyncio.create_task(net.router.complete(chat_request())) for _ in range(6)]
        await until(lambda: site.asked == 2)
        assert replica.in_flight == 2
        release.set()
        assert len(await asyncio.gather(*calls)) == 6
        assert replica.breaker.state is State.CLOSED


async def test_a_cancelled_probe_leaves_its_place() -> None:
    """Shutting down in the wrong moment does not leave a server alone for ever."""
    async with routed({VLLM: 1}, limits=BreakerLimits(probes=1)) as net:
        [site], [replica] = net.sites[VLLM], net.replicas(VLLM)
        site.handler = hang
        replica.breaker.trip()
        net.turn(5.0)
        call = asyncio.create_task(net.router.complete(chat_request()))
        await until(lambda: site.asked == 1)
        call.cancel()
        await asyncio.wait({call})
        assert (replica.in_flight, replica.breaker.admits) == (0, True)
        site.handler = good
        await net.router.complete(chat_request())
        assert replica.breaker.state is State.CLOSED


async def test_the_smallest_context_counts() -> None:
    """A prompt has to fit whichever replica it comes to."""
    async with routed({VLLM: 2}) as net:
        assert net.router.context_tokens(ModelRole.TEXT) is None
        for replica, tokens in zip(net.replicas(VLLM), (8_192, 4_096), strict=True):
            replica.context["mistral"] = tokens
        assert net.router.context_tokens(ModelRole.TEXT) == 4_096
        assert net.router.context_tokens(ModelRole.VISION) is None


async def test_ping() -> None:
    """One server that answers is enough; when none does, the reason of the first."""
    async with routed({VLLM: 2}) as net:
        one, two = net.sites[VLLM]
        one.health = 503
        await net.router.ping()
        two.health = 500
        with pytest.raises(Snooze, match="503"):
            await net.router.ping()
