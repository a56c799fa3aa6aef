"""Who goes first where more waits than there is room for: tenants in turn, the hurried before."""

import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.enums import JobType
from shared.redis_streams import parse_deadline
from tests.builders import Streams
from tests.waiting_room import KIND, OTHER, add, rest, sets_left, tenants
from worker.queue.job_queue import JobQueue
from worker.queue.scripts import CLAIM
from worker.queue.turns import Order

FEW = Order({KIND: 0}, lookahead=5)
AS_THEY_COME = Order({KIND: 0}, lookahead=0)


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
    """Each type what is its due; what one leaves, the others have by their shares."""
    third = str(JobType.EXTRACT)
    await add(streams, *"a" * 20)
    await add(streams, *"a" * 20, job_type=OTHER)
    entries = await queue.claim(6, block_ms=0, order=Order({OTHER: 5, KIND: 1}))
    assert Counter(entry.job_type for entry in entries) == {OTHER: 5, KIND: 1}
    entries = await queue.claim(8, block_ms=0, order=Order({third: 4, OTHER: 3, KIND: 1}))
    assert Counter(entry.job_type for entry in entries) == {OTHER: 6, KIND: 2}
    entries = await queue.claim(9, block_ms=0, order=Order({third: 9, OTHER: 0, KIND: 0}))
    assert Counter(entry.job_type for entry in entries) == {OTHER: 5, KIND: 4}


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
    assert max(map(len, cast("list[bytes]", tickets))) < 310
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
    """Python reads more than that, such as dates without a minute."""
    day, time_of_day, zone = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d:\d\d(\.\d+)?", r"(Z|[+-]\d\d:\d\d)"
    return bool(re.fullmatch(rf"[0-9]+(\.[0-9]+)?|{day}T{time_of_day}{zone}", text, re.ASCII))


def _tickets() -> str:
    return CLAIM.source.partition("-- Take up to")[0]
