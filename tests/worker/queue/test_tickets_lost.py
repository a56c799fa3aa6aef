"""Whatever becomes of tickets, turns, entries and workers: what waits is taken, and taken once."""

import itertools

import pytest
from structlog.testing import capture_logs

from shared.redis_streams import GROUP, WAITING, Keys
from tests.builders import Streams
from tests.waiting_room import KIND, OTHER, add, rest, sets_left, tenants
from worker.queue import stream_reader
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients
from worker.queue.upkeep import Upkeep


@pytest.fixture
def upkeep(clients: RedisClients, keys: Keys) -> Upkeep:
    """Of both job types."""
    return Upkeep(clients.commands, keys, [KIND, OTHER])


# ------------------------------------------------------------------------- what goes wrong


async def test_deleted_while_it_waited(queue: JobQueue, streams: Streams) -> None:
    """It is off the books when its turn comes, and the next is taken instead."""
    ids = await add(streams, *"aaaaa")
    await tenants(queue, 1)
    await streams.client.execute_command("XDEL", streams.keys.stream(KIND), *ids[1:4])
    with capture_logs() as logs:
        [entry] = await queue.claim(1, block_ms=0)
    assert entry.entry_id == ids[4]
    assert set(await streams.pending(KIND)) == {ids[0], ids[4]}
    assert [line["entries"] for line in logs if line["event"] == "ghosts_acknowledged"] == [3]
    assert await sets_left(streams) == []


async def test_a_ticket_takes_nothing_from_a_worker(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """A stale ticket for what somebody works on is thrown away."""
    await add(streams, *"aaa")
    await tenants(queue, 1)
    stream = streams.keys.stream(KIND)
    await streams.client.execute_command("XGROUP", "DESTROY", stream, GROUP)
    await streams.client.execute_command("XGROUP", "CREATE", stream, GROUP, "0")
    words = ("XREADGROUP", "GROUP", GROUP, "other", "STREAMS", stream, ">")
    await streams.client.execute_command(*words)
    assert await queue.claim(5, block_ms=0) == []
    assert {owner for owner, _, _ in (await streams.pending(KIND)).values()} == {"other"}
    assert await sets_left(streams) == []
    assert len(await queue.reclaim(9, idle_ms=0)) == 3
    await other.leave()


async def test_many_stale_tickets(queue: JobQueue, streams: Streams) -> None:
    """Thousands are gone through bit by bit, and what is behind them is found in one claim."""
    tickets, turns = streams.keys.tickets(KIND), streams.keys.turns(KIND)
    stale = [part for n in range(3_500) for part in (0, f"a\x1f~A1A{n:04}")]
    await streams.client.execute_command("ZADD", tickets, *stale)
    await streams.client.execute_command("ZADD", turns, 5, "a")
    [entry_id] = await add(streams, "b")
    await streams.client.execute_command("ZADD", turns, 9, "b")
    [entry] = await queue.claim(1, block_ms=0)
    assert entry.entry_id == entry_id
    assert await queue.claim(1, block_ms=0) == []


@pytest.mark.parametrize("lost", ["tickets", "turns", "both"])
async def test_somebody_deletes_the_sets(
    queue: JobQueue, upkeep: Upkeep, streams: Streams, lost: str
) -> None:
    """Waiting entries get their tickets back, tenants their turns: nothing is lost or doubled."""
    ids = await add(streams, *"aabbcc" * 40)
    [first] = await queue.claim(1, block_ms=0)
    gone = {"tickets": [streams.keys.tickets(KIND)], "turns": [streams.keys.turns(KIND)]}
    names = gone.get(lost, list(itertools.chain(*gone.values())))
    await streams.client.execute_command("DEL", *names)
    [late] = await add(streams, "d")
    [second] = await queue.claim(1, block_ms=0)
    restored = await upkeep.restore_tickets()
    assert restored == (0 if lost == "turns" else 239)
    assert await upkeep.restore_tickets() == 0
    next_three = await tenants(queue, 3)
    assert len(set(next_three)) == 3
    found = [first.entry_id, second.entry_id, *(e.entry_id for e in await rest(queue))]
    assert len(found) == len(set(found)) == 238
    assert {owner for owner, _, _ in (await streams.pending(KIND)).values()} == {"me"}
    assert set(await streams.pending(KIND)) == {*ids, late}


async def test_a_deleted_entry_without_a_ticket(
    queue: JobQueue, upkeep: Upkeep, streams: Streams
) -> None:
    """It is nobody's, and off the books."""
    ids = await add(streams, *"aaa")
    await tenants(queue, 1)
    await streams.client.execute_command("DEL", streams.keys.tickets(KIND))
    await streams.client.execute_command("XDEL", streams.keys.stream(KIND), ids[1])
    assert await upkeep.restore_tickets() == 1
    assert set(await streams.pending(KIND)) == {ids[0], ids[2]}


async def test_junk_among_the_tickets(queue: JobQueue, streams: Streams) -> None:
    """What is no ticket is thrown away."""
    words = (0, "junk", 0, "a\x1fjunk", 0, "")
    await streams.client.execute_command("ZADD", streams.keys.tickets(KIND), *words)
    await add(streams, *"ab")
    assert len(await queue.claim(9, block_ms=0)) == 2
    assert await queue.claim(9, block_ms=0) == []
    assert await sets_left(streams) == []


# ------------------------------------------------------------------------- the dead


async def test_the_dead_are_found_among_the_waiting(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """What waits is never taken over, however long; what a dead worker left behind it is."""
    ids = await add(streams, *"a" * 30)
    await other.claim(3, block_ms=0)
    waiting = [entry_id for entry_id in ids if await is_waiting(streams, entry_id)]
    words = ("XCLAIM", streams.keys.stream(KIND), GROUP, WAITING, 0, *waiting)
    await streams.client.execute_command(*words, "IDLE", 7_200_000, "JUSTID", parse_justid=True)
    assert await queue.reclaim(50, idle_ms=3_600_000) == []
    found = await queue.reclaim(50, idle_ms=0)
    assert [(entry.entry_id, entry.deliveries) for entry in found] == [(i, 2) for i in ids[:3]]
    await queue.release(found[0])
    [again] = await other.reclaim(50, idle_ms=3_600_000)
    assert (again.entry_id, again.deliveries) == (ids[0], 2)


async def is_waiting(streams: Streams, entry_id: str) -> bool:
    """Whether an entry is nobody's yet."""
    return (await streams.pending(KIND))[entry_id][0] == WAITING


async def test_reclaim_keeps_to_its_room(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """Also where each consumer is asked for by name."""
    await add(streams, *"a" * 20)
    await other.claim(5, block_ms=0)
    await queue.claim(5, block_ms=0)
    assert len(await queue.reclaim(3, idle_ms=0)) == 3


async def test_forgetting_the_dead_forgets_nobody_who_waits(
    queue: JobQueue, upkeep: Upkeep, streams: Streams
) -> None:
    """The consumer of what waits goes only when nothing does, and is back when it is needed."""
    await add(streams, *"aaa")
    await tenants(queue, 1)
    await upkeep.forget_dead_consumers(-1)
    assert len(await rest(queue)) == 2
    await upkeep.forget_dead_consumers(-1)
    await add(streams, *"ab")
    assert len(await tenants(queue, 2)) == 2


# ------------------------------------------------------------------------- sorting in bits


async def test_a_backlog_is_sorted_before_it_is_taken(
    queue: JobQueue, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In as many calls as it takes; who came last is among the first."""
    monkeypatch.setattr(stream_reader, "_SORTED_AT_ONCE", 10)
    await add(streams, *"a" * 95, "b")
    assert await tenants(queue, 2) == "ab"


async def test_a_backlog_does_not_hold_up_the_work(
    queue: JobQueue, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many calls and no more: then something is taken, and the next claim sorts on."""
    monkeypatch.setattr(stream_reader, "_SORTED_AT_ONCE", 10)
    monkeypatch.setattr(stream_reader, "_SORTS_MAX", 2)
    await add(streams, *"a" * 95, "b")
    assert sorted(await tenants(queue, 5)) == [*"aaaa", "b"]


async def test_big_entries_are_sorted_in_small_bits(queue: JobQueue, streams: Streams) -> None:
    """Their bytes are counted, so that no call keeps the server for long."""
    await add(streams, *"a" * 12, payload="x" * 1_000_000)
    assert len(await rest(queue)) == 12
