"""Everything at one moment."""

import json
from typing import Any

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams, job_fields
from worker.operations.pausing import PauseNote, pause, read_pauses, resume
from worker.operations.snapshot import take_snapshot
from worker.operations.streams import server_now
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients


async def _tell(streams: Streams, name: str, *, ago_s: float = 0, **facts: Any) -> None:
    at = await server_now(streams.client) - ago_s
    raw = json.dumps({"at": at, "started_at": at - 60, **facts})
    await streams.client.execute_command("HSET", streams.keys.workers, name, raw)


async def test_redis_and_the_workers_in_one_row(any_clients: RedisClients, keys: Keys) -> None:
    """Rates of those who live, added up; what that means for the backlog."""
    streams = Streams(any_clients.commands, keys)
    for _ in range(30):
        await streams.add(JobType.TEXT_TAG)
    facts: dict[str, Any] = {
        "job_types": ["text_tag"],
        "stages": {"text_tag": {"parked": 2, "infer": 1}},
    }
    now = await server_now(streams.client)
    before = {"text_tag": [now - 60, 45], "document": [now - 60, 0]}
    await _tell(streams, "a", ended={"text_tag": [8, 2]}, **facts, before=before)
    await _tell(streams, "b", ended={"text_tag": [5, 0], "document": [9, 9]}, **facts)
    await _tell(streams, "c", ago_s=16, ended={"text_tag": [99, 0]}, **facts)
    await _tell(streams, "d", draining=True, **facts)
    await any_clients.commands.execute_command("HSET", keys.workers, "junk", "{")
    found = await take_snapshot(any_clients.commands, keys)
    [text] = [stream for stream in found.streams if stream.job_type == "text_tag"]
    assert (text.waiting, text.parked, text.ended_a_minute, text.served_by) == (30, 6, 15, 2)
    assert text.gained_a_minute == -15
    assert text.drained_in_s == 120
    assert text.drained == "2 min"
    assert [(worker.name, worker.silent) for worker in found.workers] == [
        *(("a", False), ("b", False), ("c", True), ("d", False)),
    ]
    assert 59 < found.workers[0].uptime_s < 61
    assert len(found.streams) == len(JobType)


async def test_what_arrives_counts(any_clients: RedisClients, keys: Keys) -> None:
    """Fifteen end a minute; what that means depends on how long the stream was."""
    streams = Streams(any_clients.commands, keys)
    for _ in range(30):
        await streams.add(JobType.TEXT_TAG)
    facts: dict[str, Any] = {"ended": {"text_tag": [15, 0]}, "job_types": ["text_tag", "document"]}

    async def said(length: int, ago_s: float = 60) -> tuple[str, int | None]:
        now = await server_now(streams.client)
        await _tell(streams, "a", **facts, before={"text_tag": [now - ago_s, length]})
        found = (await take_snapshot(any_clients.commands, keys)).streams
        [text] = [stream for stream in found if stream.job_type == "text_tag"]
        return text.drained, text.gained_a_minute

    assert await said(45) == ("2 min", -15)
    assert await said(60) == ("60 s", -30)
    assert await said(10) == ("grows by 20/min", 20)
    assert await said(31) == ("steady", 0)
    assert await said(10, ago_s=5) == ("at least 2 min", None)
    await _tell(streams, "a", **facts)
    found = {s.job_type: s.drained for s in (await take_snapshot(streams.client, keys)).streams}
    assert (found["text_tag"], found["document"]) == ("at least 2 min", "-")


async def test_what_nobody_can_end_stands_still(any_clients: RedisClients, keys: Keys) -> None:
    """What ended before the model, or every worker, went away says nothing of the rest."""
    streams = Streams(any_clients.commands, keys)
    await streams.add(JobType.TEXT_TAG)
    now = await server_now(streams.client)
    facts: dict[str, Any] = {"ended": {"text_tag": [15, 0]}, "before": {"text_tag": [now - 60, 45]}}
    facts["job_types"] = ["text_tag"]

    async def said() -> tuple[str, float | None]:
        found = (await take_snapshot(any_clients.commands, keys)).streams
        [text] = [stream for stream in found if stream.job_type == "text_tag"]
        return text.drained, text.drained_in_s

    assert await said() == ("stands still", None)
    await _tell(streams, "a", **facts, gates={"model": "it hangs"})
    assert await said() == ("stands still", None)
    await _tell(streams, "b", **facts)
    assert (await said())[0] != "stands still", "one worker is enough"
    await _tell(streams, "b", **facts, gates={"core": "refused"})
    assert await said() == ("stands still", None)


async def test_what_is_paused_is_not_to_be_drained(any_clients: RedisClients, keys: Keys) -> None:
    """A type not at all; of a tenant's jobs those that workers have come upon do not count."""
    streams = Streams(any_clients.commands, keys)
    queue = JobQueue(any_clients, keys, [JobType.TEXT_TAG], "a")
    await queue.create_groups()
    now = await server_now(streams.client)
    facts: dict[str, Any] = {"ended": {"text_tag": [15, 0]}, "before": {"text_tag": [now - 60, 45]}}
    facts["job_types"] = ["text_tag"]
    await _tell(streams, "a", **facts)
    for tenant in "aab":
        for _ in range(10):
            await streams.add(JobType.TEXT_TAG, **job_fields(tenant=tenant))

    async def said() -> tuple[str, float | None]:
        found = (await take_snapshot(any_clients.commands, keys)).streams
        [text] = [stream for stream in found if stream.job_type == "text_tag"]
        return text.drained, text.drained_in_s

    assert await said() == ("2 min", 120)
    await pause(streams.client, keys, ["tenant:a"], PauseNote())
    assert await said() == ("-", None), "nobody has looked whose they are"
    await queue.claim(1, block_ms=0)
    assert await said() == ("at least 40 s", 40)
    await pause(streams.client, keys, ["type:text_tag"], PauseNote())
    assert await said() == ("-", None)


async def test_what_a_lost_worker_left_is_counted_by_redis(
    any_clients: RedisClients, keys: Keys
) -> None:
    """Not what it said last; once others have it nothing is said of it."""
    streams = Streams(any_clients.commands, keys)
    lost = JobQueue(any_clients, keys, [JobType.TEXT_TAG, JobType.FOLLOWUP], "lost")
    await lost.create_groups()
    for job_type in (JobType.TEXT_TAG, JobType.TEXT_TAG, JobType.FOLLOWUP):
        await streams.add(job_type)
    await lost.claim(3, block_ms=0)
    await _tell(streams, "lost", ago_s=60, held=9)
    await _tell(streams, "w")
    found = await take_snapshot(any_clients.commands, keys)
    assert {worker.name: worker.in_hand for worker in found.workers} == {"lost": 3, "w": 0}
    [said] = [hint.text for hint in found.hints if "lost" in hint.text]
    assert said.endswith(" ago; what it left, 3 jobs, goes to others")
    heir = JobQueue(any_clients, keys, [JobType.TEXT_TAG, JobType.FOLLOWUP], "w")
    await heir.reclaim(9, idle_ms=0)
    found = await take_snapshot(any_clients.commands, keys)
    assert {worker.name: worker.in_hand for worker in found.workers} == {"lost": 0, "w": 0}
    assert [hint for hint in found.hints if "lost" in hint.text] == []


async def test_paused_and_resumed(any_clients: RedisClients, keys: Keys) -> None:
    """Who did it first keeps the word; what somebody wrote by hand pauses, too."""
    client = any_clients.commands
    note = PauseNote("ann", 1.0, "why")
    assert await pause(client, keys, ["type:text_tag", "tenant:a"], note) == [
        *("type:text_tag", "tenant:a"),
    ]
    assert await pause(client, keys, ["type:text_tag"], PauseNote("bob")) == []
    await client.execute_command("HSET", keys.paused, "type:document", "[[")
    await client.execute_command("HSET", keys.paused, "type:extract", '{"at":"soon"}')
    assert await read_pauses(client, keys) == {
        "tenant:a": note,
        "type:document": PauseNote(),
        "type:extract": PauseNote(),
        "type:text_tag": note,
    }
    found = await take_snapshot(client, keys)
    [text] = [stream for stream in found.streams if stream.job_type == "text_tag"]
    assert text.paused == note
    assert await resume(client, keys, ["type:text_tag", "type:x"]) == ["type:text_tag"]
    assert "type:text_tag" not in await read_pauses(client, keys)
