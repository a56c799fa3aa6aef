"""A user with few rights is enough for a worker, and it is told what it may not do."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from shared.enums import JobType
from shared.redis_streams import JobEntry
from tests.builders import FakeCore, Streams
from tests.one_by_one import record, renew, settle, tick
from tests.redis.servers import tell, until_says
from tests.redis.test_topologies import KEYS, KIND, PASSWORD, QUOTED, at
from worker.clock import Clock
from worker.embedded.redis_server import RedisServer
from worker.llm.budget import LedgerAway
from worker.marks import Marks
from worker.observability.metrics import Metrics
from worker.operations.awaiting import ends
from worker.operations.cancelling import Cancelled, cancel_job
from worker.operations.enqueuing import append_all
from worker.operations.pausing import PauseNote, pause, resume
from worker.operations.snapshot import take_snapshot
from worker.operations.totals import read_totals
from worker.queue.job_queue import JobQueue
from worker.queue.peer_board import RedisPeers
from worker.queue.redis_clients import FATAL, RedisClients
from worker.queue.token_ledger import RedisTokenLedger
from worker.queue.turns import Order
from worker.queue.upkeep import Upkeep
from worker.queue.write_probe import write_refusal
from worker.steering.control_channel import ControlChannel
from worker.steering.presence import Presence
from worker.steering.roster import WorkerFacts
from worker.strays import Strays

DOCS = Path(__file__).parents[2] / "docs" / "redis.md"

MINIMUM = (
    *("+xreadgroup", "+xack", "+xdel", "+xadd", "+xclaim", "+xpending", "+xrange", "+xlen"),
    *("+xgroup|create", "+xgroup|delconsumer", "+xinfo|groups", "+xinfo|consumers"),
    *("+hset", "+hmget", "+hdel", "+hexists", "+exists"),
    *("+zadd", "+zrem", "+zcard", "+zrange", "+zrangebylex", "+zlexcount", "+del"),
    *("+eval", "+evalsha", "+scan", "+time", "+client|id", "+client|unblock"),
)
"""All that a worker's user must be allowed."""


async def allow(server: RedisServer, *rules: str) -> str:
    """Give the worker's user exactly these rules; its URL."""
    scope = ("reset", "on", f">{PASSWORD}", f"~{KEYS.prefix}:*", "resetchannels", "-@all")
    await tell(server, "FLUSHALL")
    await tell(server, "SCRIPT", "FLUSH")
    await tell(server, "ACL", "SETUSER", "worker", *scope, *rules)
    return server.url.replace("//", f"//worker:{QUOTED}@")


async def wake_one(clients: RedisClients, server: RedisServer) -> None:
    """A blocked claim that is ended."""
    queue = JobQueue(clients, KEYS, list(JobType), "sleeper")
    claim = asyncio.create_task(queue.claim(64, block_ms=1_000))
    seen = asyncio.create_task(until_says(server, ("CLIENT", "LIST"), "cmd=xreadgroup"))
    await asyncio.wait({claim, seen}, return_when=asyncio.FIRST_COMPLETED)
    seen.cancel()
    await asyncio.wait({seen})
    try:
        await queue.wake()
    finally:
        assert await claim == []


async def leave_one_alone(queue: JobQueue, streams: Streams) -> None:
    """A tenant is paused, whose tickets would leave no room for the others'."""
    await streams.client.execute_command("HSET", KEYS.paused, "tenant:a", "{}")
    stream = KEYS.stream(JobType.DOCUMENT)
    ids = [await streams.add(JobType.DOCUMENT, tenant=name) for name in "aabb"]
    order = Order({str(JobType.DOCUMENT): 0}, lookahead=1)
    [taken] = await queue.claim(1, block_ms=0, order=order)
    assert taken.fields[b"tenant"] == b"b"
    await streams.client.execute_command("XDEL", stream, *ids)
    await streams.client.execute_command("HDEL", KEYS.paused, "tenant:a")


async def everything(url: str, server: RedisServer) -> None:
    """All that a worker ever does to Redis."""
    async with at(url) as (clients, queue, streams):
        assert await write_refusal(clients.commands, KEYS) is None
        await queue.create_groups()
        await wake_one(clients, server)
        for _ in range(4):
            await streams.add(KIND)
        await streams.add(KIND, job_id="j1", payload="{}", replayed="1-1")
        waits_its_turn = await queue.claim(1, block_ms=1)
        one, two, three, ghost = [*waits_its_turn, *await queue.claim(3, block_ms=1)]
        await clients.commands.execute_command("DEL", KEYS.tickets(KIND))
        await leave_one_alone(queue, streams)
        await renew(queue, one)
        await record(queue, one, b"answer")
        await tick(queue, one, 1)
        assert await settle(queue, one, event={"job_id": "j1"}) == set()
        assert await queue.dead_letter(two, {"dead_reason": "bug"}, keep=10)
        await queue.release(three)
        await clients.commands.execute_command("XDEL", KEYS.stream(KIND), ghost.entry_id)
        await queue.reclaim(8, idle_ms=0, unanswered=[])
        await queue.reclaim(8, idle_ms=0)
        await queue.leave()
        stray = Strays(clients.commands, KEYS, FakeCore(), Clock(), after_s=0, dead_letters_kept=10)
        await clients.commands.execute_command("XADD", "{llm}:x", "1-1", "job_id", "j1")
        assert await stray.sweep() == 1
        upkeep = Upkeep(clients.commands, KEYS, list(JobType))
        await upkeep.forget_dead_consumers(0)
        assert await upkeep.restore_tickets() == 1
        assert await upkeep.dead_letters() == 2


async def test_the_fewest_rights(redis_server: RedisServer) -> None:
    """With these rules every verb works."""
    await everything(await allow(redis_server, *MINIMUM), redis_server)


@pytest.mark.parametrize("rule", MINIMUM)
async def test_each_right_is_needed(redis_server: RedisServer, rule: str) -> None:
    """Without any one of them something is refused, and a worker knows that no waiting helps."""
    url = await allow(redis_server, *(other for other in MINIMUM if other != rule))
    if rule == "+xinfo|groups":  # its script takes the error for a stream that has just gone
        with pytest.raises(AssertionError):
            await everything(url, redis_server)
    else:
        with pytest.raises(FATAL):
            await everything(url, redis_server)


async def test_keys_of_others_are_out_of_reach(redis_server: RedisServer) -> None:
    """The worker's user sees its own keys only."""
    async with at(await allow(redis_server, *MINIMUM)) as (clients, _queue, _streams):
        with pytest.raises(FATAL):
            await clients.commands.execute_command("XADD", "other", "*", "a", "b")


@pytest.mark.parametrize("login", ["worker:wrong", "nobody:x", ":wrong"])
async def test_a_wrong_password(redis_server: RedisServer, login: str) -> None:
    """It is told for what it is; no waiting mends it."""
    await allow(redis_server, *MINIMUM)
    async with at(redis_server.url.replace("//", f"//{login}@")) as (clients, _queue, _streams):
        with pytest.raises(FATAL):
            await write_refusal(clients.commands, KEYS)


def test_the_documented_rights_are_these() -> None:
    """`docs/redis.md` has the list that is tested here."""
    text = " ".join(DOCS.read_text(encoding="utf-8").split())
    assert " ".join(MINIMUM) in text.replace("\\ ", "")


async def test_budgets_need_two_more(redis_server: RedisServer) -> None:
    """The fleet's count of tokens; without the rights a worker counts alone, and says why."""
    for rules in ((*MINIMUM, "+incrby", "+expire"), MINIMUM):
        async with at(await allow(redis_server, *rules)) as (clients, _, _):
            ledger = RedisTokenLedger(clients.commands, KEYS)
            if rules is MINIMUM:
                with pytest.raises(LedgerAway, match="incrby"):
                    await ledger.add("openai", "2026-11-21", 5)
            else:
                assert await ledger.add("openai", "2026-11-21", 5) == 5


async def test_workers_hear_of_each_other_with_two_more(redis_server: RedisServer) -> None:
    """Without these rights each finds its limits alone; nothing fails of it."""
    for rules, heard in (((*MINIMUM, "+hgetall", "+pexpire"), 1), (MINIMUM, 0)):
        async with at(await allow(redis_server, *rules)) as (clients, _, _):
            for name in ("one", "other"):
                said = await RedisPeers(clients.commands, KEYS, name).meet("s", {"text": 5.0})
            assert len(said) == heard


STEERED = ("+hgetall", "+zrangebyscore", "+zremrangebyscore")
"""What a worker needs on top, to be seen and steered."""
OPERATOR = (
    *("+xadd", "+xdel", "+xrange", "+xrevrange", "+xlen", "+xread", "+xpending", "+xinfo|groups"),
    *("+hset", "+hdel", "+hkeys", "+hlen", "+hgetall", "+hexists"),
    *("+zadd", "+zscore", "+zlexcount"),
    *("+eval", "+evalsha", "+time", "+publish"),
)
"""All that somebody must be allowed who steers."""


async def test_a_worker_that_may_be_steered(redis_server: RedisServer) -> None:
    """It tells of itself and hears; its channel is a right of its own."""
    url = await allow(redis_server, *MINIMUM, *STEERED, "+subscribe", f"&{KEYS.control}")
    heard = asyncio.Event()
    async with at(url) as (clients, _, _):
        marks = Marks()
        clock = Clock(elapsed=lambda: 0.0, jitter=lambda: 0.0)
        presence = Presence(clients.commands, KEYS, "me", WorkerFacts, marks, clock)
        assert await presence.beat()
        await presence.leave()
        channel = ControlChannel(url, KEYS.control, clock)
        listening = asyncio.create_task(channel.listen(heard.set))
        await asyncio.wait_for(heard.wait(), 10)
        listening.cancel()
        await asyncio.wait({listening})


MEASURED = ("+hkeys", "+hlen")
"""What a worker needs on top, to show the fleet's numbers."""


async def test_a_worker_that_may_measure_the_fleet(redis_server: RedisServer) -> None:
    """Without these rights the other metrics are there all the same."""
    for rules, is_up in (((*MINIMUM, *MEASURED), 1), (MINIMUM, None)):
        async with at(await allow(redis_server, *rules)) as (clients, _, streams):
            await streams.add(KIND)
            metrics = Metrics()
            metrics.watch_fleet(partial(read_totals, clients.commands, KEYS))
            await metrics.refresh()
            value = metrics.registry.get_sample_value
            assert value("llm_worker_redis_up") == is_up
            waiting = value("llm_worker_fleet_waiting_jobs", {"job_type": str(KIND)})
            assert waiting == (1 if is_up else None)


async def test_what_an_operator_may(redis_server: RedisServer) -> None:
    """Everything but reading the events of the future, which is `+xread`."""
    async with at(await allow(redis_server, *OPERATOR, f"&{KEYS.control}")) as (
        clients,
        _,
        streams,
    ):
        client = clients.commands
        entry_id = await streams.add(KIND)
        await append_all(client, KEYS, KIND, [JobEntry("j1", {})])
        assert await pause(client, KEYS, ["tenant:a"], PauseNote()) == ["tenant:a"]
        assert (await take_snapshot(client, KEYS)).tenants.jobs == {"a": 0}
        assert await resume(client, KEYS, ["tenant:a"]) == ["tenant:a"]
        assert (await cancel_job(client, KEYS, entry_id)).result is Cancelled.WAITING
        walk = ends(clients.reader, KEYS, {"j"}, after="0-0", timeout_s=0.01)
        assert [event async for event in walk] == []


def test_the_documented_rights_of_both_are_these() -> None:
    """`docs/redis.md` has what is tested here."""
    text = " ".join(DOCS.read_text(encoding="utf-8").split())
    assert " ".join(STEERED) in text
    assert " ".join(MEASURED) in text
    assert " ".join(OPERATOR) in text
