"""What belongs to a paused tenant waits, wherever it is, and is in nobody's way."""

import asyncio
from collections import Counter

import pytest
from redis.exceptions import ResponseError

from shared.enums import JobType
from shared.redis_streams import GROUP, WAITING, Keys
from tests.builders import Streams, job_fields
from tests.redis.servers import until_says
from tests.waiting_room import KIND, OTHER, add, rest, sets_left, tenants
from worker.embedded.redis_server import RedisServer
from worker.marks import tenant_field
from worker.operations.pausing import PauseNote, pause, resume
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import HANDED_BACK_MS, JobQueue
from worker.queue.redis_clients import RedisClients
from worker.queue.turns import Order

FEW = Order({KIND: 0}, lookahead=5)
AS_THEY_COME = Order({KIND: 0}, lookahead=0)
LONG = "x" * 300


async def stop(streams: Streams, *names: str) -> None:
    """Pause these tenants."""
    await pause(streams.client, streams.keys, [*map(tenant_field, names)], PauseNote())


async def go_on(queue: JobQueue, streams: Streams, *names: str) -> list[ClaimedEntry]:
    """Resume these tenants, and look for what was left, as a worker does that has heard of it."""
    await resume(streams.client, streams.keys, [*map(tenant_field, names)])
    return await queue.reclaim(8, idle_ms=HANDED_BACK_MS)


def of(entries: list[ClaimedEntry]) -> dict[str, int]:
    """How many entries are whose."""
    return Counter(entry.fields.get(b"tenant", b"-").decode() for entry in entries)


async def owners(streams: Streams, job_type: str = KIND) -> dict[tuple[str, int], int]:
    """How many entries are in whose hands, after how many deliveries."""
    rows = (await streams.pending(job_type)).values()
    return Counter((owner, count) for owner, _, count in rows)


# ------------------------------------------------------------------------- claiming


@pytest.mark.parametrize("room", [1, 3, 50])
@pytest.mark.parametrize("order", [None, FEW, AS_THEY_COME], ids=["usual", "few", "as they come"])
async def test_the_others_go_on(
    queue: JobQueue, streams: Streams, room: int, order: Order | None
) -> None:
    """With much room and with little, sorted or not; and each is there in the end, once."""
    await add(streams, *"aab" * 10, *"a" * 20, *"bc")
    await stop(streams, "a")
    found: list[ClaimedEntry] = []
    while entries := await queue.claim(room, block_ms=0, order=order):
        assert len(entries) <= room
        found += entries
    assert of(found) == {"b": 11, "c": 1}
    assert await owners(streams) == {("me", 1): 12, (WAITING, 1): 40}
    assert await go_on(queue, streams, "a") == []
    found = await rest(queue, order)
    assert of(found) == {"a": 40}
    assert {entry.deliveries for entry in found} == {1}
    assert await sets_left(streams) == []


async def test_paused_mid_queue(queue: JobQueue, streams: Streams) -> None:
    """A tenant whose jobs are sorted already keeps its place among its own, and no more turns."""
    ids = await add(streams, *"aaabbb")
    assert await tenants(queue, 2) == "ab"
    await stop(streams, "a")
    assert await tenants(queue, 2) == "bb"
    assert await queue.claim(9, block_ms=0) == []
    await go_on(queue, streams, "a")
    assert [e.entry_id for e in await rest(queue)] == ids[1:3]


async def test_a_pause_saves_up_no_turns(queue: JobQueue, streams: Streams) -> None:
    """Who comes back takes turns with the others, however many those have had."""
    await add(streams, *"ab" * 30)
    assert await tenants(queue, 2) == "ab"
    await stop(streams, "a")
    assert await tenants(queue, 20) == "b" * 20
    await go_on(queue, streams, "a")
    assert await tenants(queue, 8) in {"abababab", "babababa"}


async def test_what_is_new_is_taken_by_the_shortest_way(queue: JobQueue, streams: Streams) -> None:
    """Though others' jobs wait: where there is room for all that may run, nothing is sorted."""
    await stop(streams, "a")
    await add(streams, *"aaa")
    assert await queue.claim(8, block_ms=0) == []
    await add(streams, *"bc")
    assert of(await queue.claim(8, block_ms=0)) == {"b": 1, "c": 1}
    assert await streams.client.execute_command("ZCARD", streams.keys.tickets(KIND)) == 3


async def test_a_full_lookahead_keeps_nobody_out(queue: JobQueue, streams: Streams) -> None:
    """The tickets of who is paused do not count, written before the pause or after."""
    await add(streams, *"a" * 30, "b")
    assert await tenants(queue, 1, FEW) == "a"
    await stop(streams, "a")
    assert await tenants(queue, 1, FEW) == "b"
    await add(streams, *"c" * 20, "d")
    assert (await tenants(queue, 12, FEW)).count("c") >= 11
    cards = await streams.client.execute_command("ZCARD", streams.keys.tickets(KIND))
    assert cards <= 29 + 5


async def test_nobody_waits_for_a_type_whose_tenants_are_all_paused(
    queue: JobQueue, streams: Streams
) -> None:
    """Its share of the room is the others'."""
    await add(streams, *"a" * 9)
    await add(streams, *"b" * 9, job_type=OTHER)
    await stop(streams, "a")
    order = Order({KIND: 6, OTHER: 0})
    assert of(await queue.claim(6, block_ms=0, order=order)) == {"b": 6}


async def test_new_jobs_of_a_crowd_that_is_paused(queue: JobQueue, streams: Streams) -> None:
    """More of them than one call sorts, and other people's behind them."""
    for _ in range(12):
        fields = [job_fields(tenant="a") for _ in range(100)]
        await asyncio.gather(*(streams.add(KIND, **each) for each in fields))
    await add(streams, "b")
    await stop(streams, "a")
    assert of(await queue.claim(4, block_ms=0)) == {"b": 1}
    assert of(await queue.claim(4, block_ms=0)) == {}
    await go_on(queue, streams, "a")
    assert len(await rest(queue)) == 1_200


@pytest.mark.parametrize("name", ["", LONG + "1", "a\x1fb", "a\x1eb", "ü" * 200, "\x00", "%u"])
async def test_tenants_of_any_name(queue: JobQueue, streams: Streams, name: str) -> None:
    """Those that only begin alike, or whose tickets would, are others."""
    near = [LONG + "2", LONG, "ab", "a", "ü" * 199, "x"]
    await add(streams, name, name, *near, name)
    await stop(streams, name)
    found = [*await queue.claim(1, block_ms=0), *await rest(queue)]
    assert of(found) == Counter(near)
    await go_on(queue, streams, name)
    assert of(await rest(queue)) == {name: 3}


async def test_the_last_tenant_counts(queue: JobQueue, streams: Streams) -> None:
    """Of a field that stands there twice, as for the worker that reads it."""
    flat = ("tenant", "b", "payload", "{}", "tenant", "a")
    await streams.client.execute_command("XADD", streams.keys.stream(KIND), "*", *flat)
    await stop(streams, "a")
    assert await queue.claim(1, block_ms=0) == []


# ------------------------------------------------------------------------- a read that waits


async def test_a_waiting_read_lets_it_lie(
    queue: JobQueue, streams: Streams, redis_server: RedisServer
) -> None:
    """It brings what has come, and that is put back without a delivery."""
    await stop(streams, "a")
    claim = asyncio.create_task(queue.claim(8, block_ms=60_000))
    await until_says(redis_server, ("CLIENT", "LIST"), "cmd=xreadgroup")
    await add(streams, "a")
    assert await claim == []
    assert await owners(streams) == {(WAITING, 1): 1}
    claim = asyncio.create_task(queue.claim(8, block_ms=60_000))
    await until_says(redis_server, ("CLIENT", "LIST"), "cmd=xreadgroup")
    await add(streams, "b")
    assert of(await claim) == {"b": 1}
    await go_on(queue, streams, "a")
    assert [entry.deliveries for entry in await rest(queue)] == [1]


async def test_an_outcome_comes_along(
    queue: JobQueue, streams: Streams, redis_server: RedisServer
) -> None:
    """With what a waiting read brings while others are paused, as without."""
    await stop(streams, "a")
    claim = asyncio.create_task(queue.claim(8, block_ms=60_000))
    await until_says(redis_server, ("CLIENT", "LIST"), "cmd=xreadgroup")
    words = ("HSET", streams.keys.outbox(KIND), "9999999999999-0", "answer")
    await streams.client.execute_command(*words)
    stream = streams.keys.stream(KIND)
    await streams.client.execute_command("XADD", stream, "9999999999999-0", "tenant", "b")
    assert [entry.outcome for entry in await claim] == [b"answer"]


async def test_a_nudge_before_the_read_is_heard(clients: RedisClients, keys: Keys) -> None:
    """While the claim has not yet found that there is nothing: it does not wait then."""
    queue = JobQueue(clients, keys, [KIND], "me")
    await queue.create_groups()
    claim = asyncio.create_task(queue.claim(8, block_ms=600_000))
    await asyncio.sleep(0)
    await queue.nudge()
    assert await asyncio.wait_for(claim, 60) == []


# ------------------------------------------------------------------------- what others left


async def test_what_the_dead_left_waits_too(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """And is in nobody's way; it is delivered once more than before, as ever."""
    await add(streams, *"a" * 250, "b")
    assert len(await queue.claim(251, block_ms=0)) == 251
    await stop(streams, "a")
    assert of(await other.reclaim(1, idle_ms=0)) == {"b": 1}
    assert await owners(streams) == {(WAITING, 2): 250, ("other", 2): 1}
    assert await other.reclaim(9, idle_ms=0, unanswered=[OTHER]) == []
    await go_on(other, streams, "a")
    found = await rest(other)
    assert {entry.deliveries for entry in found} == {2}
    assert len(found) == 250


async def test_what_was_handed_back_waits_too(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """Its delivery has not counted, and does not."""
    await add(streams, "a")
    [entry] = await queue.claim(1, block_ms=0)
    await queue.release(entry)
    await stop(streams, "a")
    assert await other.reclaim(9, idle_ms=HANDED_BACK_MS) == []
    await go_on(other, streams, "a")
    assert [entry.deliveries for entry in await rest(other)] == [1]


async def test_what_is_answered_is_delivered(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """No model is asked for it any more."""
    await add(streams, *"aa")
    one, _ = await queue.claim(2, block_ms=0)
    await queue.record([(one, b"answer")])
    await stop(streams, "a")
    assert [entry.outcome for entry in await other.reclaim(9, idle_ms=0)] == [b"answer"]
    assert await owners(streams) == {("other", 2): 1, (WAITING, 2): 1}


async def test_the_turns_are_lost(queue: JobQueue, streams: Streams) -> None:
    """Somebody has deleted them: who is paused is found out once more."""
    await add(streams, *"aab" * 2)
    await stop(streams, "a")
    assert await tenants(queue, 1) == "b"
    await streams.client.execute_command("DEL", streams.keys.turns(KIND))
    assert of(await rest(queue)) == {"b": 1}
    await go_on(queue, streams, "a")
    assert of(await rest(queue)) == {"a": 4}


async def test_who_was_resumed_unheard_has_turns_when_somebody_looks(
    queue: JobQueue, streams: Streams
) -> None:
    """No worker lived then; the next one looks at what is left before it takes anything."""
    await add(streams, *"aa")
    await stop(streams, "a", "b")
    assert await queue.claim(1, block_ms=0) == []
    await resume(streams.client, streams.keys, [tenant_field("a")])
    assert await queue.claim(1, block_ms=0) == []
    await queue.reclaim(1, idle_ms=HANDED_BACK_MS)
    assert await tenants(queue, 2) == "aa"


async def test_a_wrong_type_of_key_is_told(queue: JobQueue, streams: Streams) -> None:
    """Somebody uses our name for something else; nothing is in our hands for it."""
    await streams.client.execute_command("SET", streams.keys.paused, "x")
    await add(streams, *"aab")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await queue.claim(1, block_ms=0)
    assert await owners(streams) == {}


async def test_the_group_was_made_anew(queue: JobQueue, streams: Streams) -> None:
    """What waited is new again, and waits again."""
    await add(streams, *"aab", job_type=str(JobType.TEXT_TAG))
    await stop(streams, "a")
    assert await tenants(queue, 1) == "b"
    await streams.client.execute_command("XGROUP", "DESTROY", streams.keys.stream(KIND), GROUP)
    found = [*await rest(queue), *await rest(queue)]
    assert of(found) == {"b": 1}
    await go_on(queue, streams, "a")
    assert of(await rest(queue)) == {"a": 2}
