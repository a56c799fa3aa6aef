"""Who goes first where more waits than there is room for: tenants in turn, the hurried before."""

import itertools
import time
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared.enums import JobType
from shared.redis_streams import GROUP, WAITING, Keys, parse_deadline
from tests.builders import Streams, job_fields
from worker import stream_reader
from worker.claimed_entry import ClaimedEntry
from worker.job_queue import JobQueue
from worker.redis_clients import RedisClients
from worker.turns import Order
from worker.upkeep import Upkeep

KIND, OTHER = str(JobType.TEXT_TAG), str(JobType.FOLLOWUP)
FEW = Order({KIND: 0}, lookahead=5)
AS_THEY_COME = Order({KIND: 0}, lookahead=0)


@pytest.fixture
def streams(any_clients: RedisClients, keys: Keys) -> Streams:
    """What producers do."""
    return Streams(any_clients.commands, keys)


@pytest.fixture
async def queue(any_clients: RedisClients, keys: Keys) -> JobQueue:
    """A worker of two job types."""
    made = JobQueue(any_clients, keys, [KIND, OTHER], "me")
    await made.create_groups()
    return made


@pytest.fixture
def other(any_clients: RedisClients, keys: Keys) -> JobQueue:
    """Another worker of the same group."""
    return JobQueue(any_clients, keys, [KIND, OTHER], "other")


@pytest.fixture
def upkeep(any_clients: RedisClients, keys: Keys) -> Upkeep:
    """Of both job types."""
    return Upkeep(any_clients.commands, keys, [KIND, OTHER])


async def add(streams: Streams, *tenants: str, job_type: str = KIND, **more: str) -> list[str]:
    """One job for each of these tenants, in this order; the entry ids."""
    made = [job_fields(JobType(job_type), tenant=tenant, **more) for tenant in tenants]
    return [await streams.add(job_type, **fields) for fields in made]


async def tenants(queue: JobQueue, count: int, order: Order | None = None) -> str:
    """The tenants of so many jobs, each taken by a claim of its own."""
    found = [await queue.claim(1, block_ms=0, order=order) for _ in range(count)]
    return "".join(entry.fields.get(b"tenant", b"-").decode() for [entry] in found)


async def rest(queue: JobQueue, order: Order | None = None) -> list[ClaimedEntry]:
    """All that is left, ten at a time."""
    found: list[ClaimedEntry] = []
    while entries := await queue.claim(10, block_ms=0, order=order):
        found += entries
    return found


async def sets_left(streams: Streams) -> list[bytes]:
    """The keys of tickets and turns."""
    return [
        *await streams.client.execute_command("KEYS", "t:tickets:*"),
        *await streams.client.execute_command("KEYS", "t:turns:*"),
    ]


# ------------------------------------------------------------------------- who goes first


async def test_tenants_take_turns(queue: JobQueue, streams: Streams) -> None:
    """Twenty jobs of one tenant do not delay the two of another who came later."""
    await add(streams, *"a" * 20, *"bb")
    assert await tenants(queue, 6) == "ababaa"


async def test_who_comes_late_is_soon_served(queue: JobQueue, streams: Streams) -> None:
    """After fifty of the other's jobs: no fifty turns for him, and no waiting for fifty."""
    await add(streams, *"a" * 99)
    assert await tenants(queue, 50) == "a" * 50
    await add(streams, *"b" * 9)
    assert await tenants(queue, 8) == "abababab"


async def test_one_at_a_time_is_no_way_to_the_front(queue: JobQueue, streams: Streams) -> None:
    """Who adds a job whenever his last has started gets his turn, and not all turns."""
    await add(streams, *"b" * 30)
    taken = ""
    for _ in range(10):
        await add(streams, "a")
        taken += await tenants(queue, 2)
    assert Counter(taken) == {"a": 10, "b": 10}


async def test_ever_new_tenants_starve_nobody(queue: JobQueue, streams: Streams) -> None:
    """Names made up for each job, as many as can be served, bring more turns, but not all."""
    await add(streams, *"z" * 30)
    taken = ""
    for number in range(40):
        await add(streams, chr(ord("A") + number))
        taken += await tenants(queue, 1)
    assert taken.count("z") >= 4


async def test_who_names_no_tenant_is_one(queue: JobQueue, streams: Streams) -> None:
    """All jobs without the field share one turn."""
    for _ in range(9):
        await streams.add(KIND)
    await add(streams, *"aa")
    assert sorted(await tenants(queue, 4)) == ["-", "-", "a", "a"]


async def test_the_earliest_deadline_first(queue: JobQueue, streams: Streams) -> None:
    """Of one tenant; then those without one, or with one that nobody can read, as they came."""
    soon = time.time() + 600
    words = ["", "nonsense", str(soon + 50), f"{soon:.3f}", ""]
    words += [datetime.fromtimestamp(soon + 20, UTC).isoformat(), "1e9", "inf"]
    ids = [(await add(streams, "a", **({"deadline": w} if w else {})))[0] for w in words]
    found = [(await queue.claim(1, block_ms=0))[0].entry_id for _ in words]
    assert [ids.index(entry_id) for entry_id in found] == [6, 3, 5, 2, 0, 1, 4, 7]


async def test_ids_sort_as_numbers(queue: JobQueue, streams: Streams) -> None:
    """Producers may choose ids of any length; those of twenty digits too."""
    ids = ["9-1", "10-0", "10-9", "10-10", "99-0", "18446744073709551615-7"]
    for entry_id in ids:
        await streams.client.execute_command("XADD", streams.keys.stream(KIND), entry_id, "a", "b")
    found = [(await queue.claim(1, block_ms=0))[0].entry_id for _ in ids]
    assert found == ids


async def test_shares_come_first_then_any(queue: JobQueue, streams: Streams) -> None:
    """Each type what is its due; what one leaves, others have."""
    await add(streams, *"a" * 9)
    await add(streams, *"a" * 9, job_type=OTHER)
    entries = await queue.claim(6, block_ms=0, order=Order({OTHER: 5, KIND: 1}))
    assert Counter(entry.job_type for entry in entries) == {OTHER: 5, KIND: 1}
    entries = await queue.claim(9, block_ms=0, order=Order({OTHER: 9, KIND: 0}))
    assert Counter(entry.job_type for entry in entries) == {OTHER: 4, KIND: 5}


async def test_as_they_come(queue: JobQueue, streams: Streams) -> None:
    """Without a lookahead nobody has tickets, and the order is that of arrival."""
    ids = await add(streams, *"aaab", *"aa")
    found = [(await queue.claim(1, block_ms=0, order=AS_THEY_COME))[0].entry_id for _ in ids]
    assert found == ids
    assert await sets_left(streams) == []


async def test_the_lookahead_was_switched_off(queue: JobQueue, streams: Streams) -> None:
    """What has tickets from before goes first, and the rest as it came."""
    await add(streams, *"a" * 6)
    await tenants(queue, 1)
    await add(streams, *"bc")
    assert await tenants(queue, 7, AS_THEY_COME) == "aaaaabc"
    assert await sets_left(streams) == []


async def test_no_more_tickets_than_asked_for(queue: JobQueue, streams: Streams) -> None:
    """Beyond the lookahead a backlog costs nothing; it comes in as places become free."""
    await add(streams, *"a" * 9, "b")
    assert await tenants(queue, 5, FEW) == "aaaaa"
    assert await streams.client.execute_command("ZCARD", streams.keys.tickets(KIND)) <= 5
    assert sorted(await tenants(queue, 5, FEW)) == [*"aaaa", "b"]


async def test_what_there_is_room_for_needs_no_ticket(queue: JobQueue, streams: Streams) -> None:
    """It is taken as it comes, over all types, and nothing is sorted."""
    await add(streams, *"aab")
    await add(streams, *"ab", job_type=OTHER)
    assert len(await queue.claim(5, block_ms=0)) == 5
    assert await sets_left(streams) == []
    rows = [*(await streams.pending(KIND)).values(), *(await streams.pending(OTHER)).values()]
    assert {owner for owner, _, _ in rows} == {"me"}


async def test_a_first_delivery_is_the_first(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """That it waited counts as no delivery; afterwards nothing is left of tickets and turns."""
    await add(streams, *"abcabc")
    entries = [*await queue.claim(2, block_ms=0), *await rest(other)]
    assert {entry.deliveries for entry in entries} == {1}
    rows = (await streams.pending(KIND)).values()
    assert Counter((owner, count) for owner, _, count in rows) == {("me", 1): 2, ("other", 1): 4}
    assert await sets_left(streams) == []


async def test_two_workers_see_one_order(
    queue: JobQueue, other: JobQueue, streams: Streams
) -> None:
    """Whoever asks next gets what is next."""
    await add(streams, *"aaaa", *"bb")
    taken = [await tenants(worker, 1) for worker in (queue, other, other, queue)]
    assert "".join(taken) == "abab"


async def test_an_outcome_comes_along(queue: JobQueue, streams: Streams) -> None:
    """Of an entry that waited too: new to the group need not be new to the world."""
    first, second = await add(streams, *"aa")
    await streams.client.execute_command("HSET", streams.keys.outbox(KIND), second, "answer")
    found = {
        entry.entry_id: entry.outcome for _ in "12" for entry in await queue.claim(1, block_ms=0)
    }
    assert found == {first: None, second: b"answer"}


# ------------------------------------------------------------------------- hostile tenants

_ODD = ["", "\x1f", "a\x1fb", "\x00", " ", "~", "é" * 200, "x" * 5_000, "a\n", "(", "[a", "%u1"]


async def test_tenants_of_any_name(queue: JobQueue, streams: Streams) -> None:
    """Of any bytes and any length; none is lost, and a long one makes no long ticket."""
    await add(streams, *_ODD, *_ODD)
    first = await queue.claim(1, block_ms=0)
    tickets = await streams.client.execute_command("ZRANGE", streams.keys.tickets(KIND), 0, -1)
    assert max(map(len, cast("list[bytes]", tickets))) < 180
    found = [*first, *await rest(queue)]
    assert Counter(e.fields[b"tenant"].decode() for e in found) == Counter([*_ODD, *_ODD])
    assert await sets_left(streams) == []


async def test_bytes_that_are_no_text(queue: JobQueue, streams: Streams) -> None:
    """A tenant is bytes; so are a deadline and every other field."""
    stream = streams.keys.stream(KIND)
    for number in range(6):
        raw = bytes([255, number % 2, 31, 0])
        words = ("tenant", raw, "deadline", b"\xff" * 99_999, "tenant", raw)
        await streams.client.execute_command("XADD", stream, "*", *words)
    assert len(await queue.claim(1, block_ms=0)) == 1
    assert len(await rest(queue)) == 5


# ------------------------------------------------------------------------- deadlines

_MOMENTS = st.datetimes(
    datetime(1970, 1, 2), datetime(9998, 12, 30),  # noqa: DTZ001 - zones are drawn apart
    timezones=st.integers(-1_439, 1_439).map(lambda m: timezone(timedelta(minutes=m))),
)  # fmt: skip
_WRITTEN = st.one_of(
    st.floats(0.001, 9.9e10).map(repr),
    st.integers(1, 99_999_999_999).map(str),
    _MOMENTS.map(datetime.isoformat),
    _MOMENTS.map(lambda moment: moment.isoformat(timespec="milliseconds")),
    _MOMENTS.map(lambda moment: moment.astimezone(UTC).isoformat().replace("+00:00", "Z")),
    st.text(alphabet="0123456789.eE+-:TZ ", max_size=30),
    st.text(max_size=20),
)
_READ = """
local found = {}
for i, text in ipairs(ARGV) do
  local member = ticket('1-1', {'deadline', text})
  found[i] = string.match(member, '^\\31%u(%d+)%u1%u1$') or ''
end
return found
"""


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_WRITTEN, min_size=20, max_size=60))
async def test_deadlines_are_read_as_python_reads_them(streams: Streams, texts: list[str]) -> None:
    """To the millisecond, and in both forms that are promised always."""
    reply = await streams.client.execute_command("EVAL", _tickets() + _READ, 0, *texts)
    for text, found in zip(texts, cast("list[bytes]", reply), strict=True):
        try:
            expected = parse_deadline(text)
        except (ValueError, OverflowError):
            continue  # the worker that gets it makes a dead letter of it
        if expected is None:
            assert not found
        elif found or _is_promised(text):
            assert abs(int(found) - max(expected * 1_000, 1)) <= 1, text


def _is_promised(text: str) -> bool:
    return text.isascii() and "_" not in text and len(text) <= 35 and text[4:5] in {"-", ""}


def _tickets() -> str:
    return stream_reader.CLAIM.source.partition("-- Take up to")[0]


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
