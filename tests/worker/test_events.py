"""What others learn of a job's end: who, what, how long; never what was asked or answered."""

import pytest

from shared.enums import FailureReason
from shared.redis_streams import JobEntry, Keys
from tests.builders import Streams, claimed, job, tagged
from tests.one_by_one import settle
from worker.events import ended
from worker.outcome import Failed
from worker.queue.claimed_entry import ClaimedEntry
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients

SECRET = "the ferry to Naxos"
KIND = "text_tag"


def test_of_an_answered_job() -> None:
    """All figures in milliseconds; nothing of payload and answer."""
    entry = claimed(entry_id="1700000000000-7")
    facts = JobEntry("j1", {"content": SECRET}, user_id=42, tenant="acme")
    made = job(entry, facts=facts, job_id="j1", attempts=2, claimed_at=1_700_000_001.5)
    made.usage.llm_s, made.deliver_s = 0.25, 0.0301
    event = ended(made, tagged("m1"), 1_700_000_002.0)
    assert event == {
        "event": "completed",
        "job_id": "j1",
        "job_type": KIND,
        "user_id": "42",
        "tenant": "acme",
        "entry_id": "1700000000000-7",
        "attempt": "2",
        "wait_ms": "1500",
        "llm_ms": "250",
        "deliver_ms": "30",
        "at": "1700000002.000",
    }
    assert SECRET not in repr(event)


def test_of_a_dead_one() -> None:
    """The reason, not the message: that may quote what others are not to see."""
    outcome = Failed(
        reason=FailureReason.INVALID_ANSWER, message=SECRET, cause="truncated", attempts=5
    )
    event = ended(job(job_id="j1", attempts=5), outcome, 1.0)
    assert (event["event"], event["reason"], event["attempt"]) == ("dead", "invalid_answer", "5")
    assert event["cause"] == "truncated"
    assert SECRET not in repr(event)


def test_of_what_was_no_job() -> None:
    """What is not known is not told."""
    outcome = Failed(reason=FailureReason.MALFORMED_ENTRY, message="no id")
    event = ended(job(), outcome, 1.0)
    assert not event.keys() & {"job_id", "user_id", "tenant"}


# ------------------------------------------------------------------------- told


@pytest.fixture
def streams(any_clients: RedisClients, keys: Keys) -> Streams:
    """What an operator sees."""
    return Streams(any_clients.commands, keys)


async def one_claimed(
    clients: RedisClients, keys: Keys, streams: Streams, events_kept: int
) -> tuple[JobQueue, ClaimedEntry]:
    """An entry in the hands of a worker that tells so many events."""
    queue = JobQueue(clients, keys, [KIND], "me", events_kept=events_kept)
    await queue.create_groups()
    await streams.add(KIND)
    [entry] = await queue.claim(1, block_ms=0)
    return queue, entry


@pytest.mark.parametrize("end", ["settle", "dead letter"])
@pytest.mark.parametrize("events_kept", [0, 10])
async def test_told_with_the_end(
    any_clients: RedisClients, keys: Keys, streams: Streams, events_kept: int, end: str
) -> None:
    """In the same step as the settle or the dead letter; with EVENTS_MAX=0 nobody is told."""
    queue, entry = await one_claimed(any_clients, keys, streams, events_kept)
    event = {"event": "completed", "job_id": "j1", "tenant": ""}
    if end == "settle":
        assert await settle(queue, entry, event=event) == set()
        assert await settle(queue, entry, event=event) == {entry.entry_id}
    else:
        assert await queue.dead_letter(entry, {"dead_reason": "bug"}, event, keep=9)
        assert not await queue.dead_letter(entry, {"dead_reason": "bug"}, event, keep=9)
    assert await streams.events() == ([event] if events_kept else [])
    assert await any_clients.commands.execute_command("EXISTS", keys.events) == bool(events_kept)


async def test_nobody_forges_a_field(
    any_clients: RedisClients, keys: Keys, streams: Streams
) -> None:
    """A tenant with control characters in it stays one field, and steers nobody's terminal."""
    queue, entry = await one_claimed(any_clients, keys, streams, 10)
    nasty = "a\x1freason\x1fbug\x1f\n\x00\x1b[2J"
    await settle(queue, entry, event={"tenant": nasty, "at": "1"})
    assert await streams.events() == [{"tenant": "a?reason?bug????[2J", "at": "1"}]


async def test_capped(clients: RedisClients, keys: Keys) -> None:
    """About as many are kept as asked for (a node of the stream holds a hundred)."""
    streams = Streams(clients.commands, keys)
    queue = JobQueue(clients, keys, [KIND], "me", events_kept=10)
    await queue.create_groups()
    for _ in range(300):
        await streams.add(KIND)
    entries = await queue.claim(300, block_ms=0)
    assert all(await queue.settle([(entry, {"job_id": entry.entry_id}) for entry in entries]))
    events = await streams.events()
    assert 10 <= len(events) <= 120
    assert events[-1] == {"job_id": entries[-1].entry_id}


@pytest.mark.parametrize("end", ["settle", "dead letter"])
async def test_an_untellable_event_hinders_nothing(
    any_clients: RedisClients, keys: Keys, streams: Streams, end: str
) -> None:
    """Something else under the events' name: the job ends all the same."""
    queue, entry = await one_claimed(any_clients, keys, streams, 10)
    await any_clients.commands.execute_command("SET", keys.events, "x")
    if end == "settle":
        assert await settle(queue, entry, event={"job_id": "j1"}) == set()
    else:
        assert await queue.dead_letter(entry, {"dead_reason": "bug"}, {"a": "b"}, keep=9)
    assert (await streams.left_over(), await streams.pending(KIND)) == ({}, {})


async def test_out_of_memory(clients: RedisClients, keys: Keys) -> None:
    """At maxmemory finished work is settled and told; what frees memory must not need any."""
    streams = Streams(clients.commands, keys)
    queue, entry = await one_claimed(clients, keys, streams, 10)
    config = clients.commands.execute_command
    await config("CONFIG", "SET", "maxmemory-policy", "noeviction")
    await config("CONFIG", "SET", "maxmemory", "1")
    try:
        assert await settle(queue, entry, event={"job_id": "j1"}) == set()
    finally:
        await config("CONFIG", "SET", "maxmemory", "0")
    assert await streams.events() == [{"job_id": "j1"}]
    assert (await streams.left_over(), await streams.pending(KIND)) == ({}, {})
