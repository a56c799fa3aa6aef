"""How many jobs of paused tenants wait."""

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams
from tests.waiting_room import KIND, OTHER, add
from worker.operations.pausing import PauseNote, pause
from worker.operations.snapshot import take_snapshot
from worker.operations.tenants import TenantsWaiting, count_tenants
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients


async def test_over_all_job_types(any_clients: RedisClients, keys: Keys) -> None:
    """As far as workers have come upon them; what is new may be anybody's."""
    streams = Streams(any_clients.commands, keys)
    queue = JobQueue(any_clients, keys, list(JobType), "me")
    await queue.create_groups()
    await pause(streams.client, keys, ["tenant:a", "tenant:c", "type:document"], PauseNote())
    await add(streams, *"aab")
    await add(streams, *"a", job_type=OTHER)
    found = await take_snapshot(streams.client, keys)
    assert found.tenants == TenantsWaiting({"a": 0, "c": 0}, not_looked_at=4)
    assert found.hints[-1].text.endswith("; at least 0 jobs wait")
    assert len(await queue.claim(9, block_ms=0)) == 1
    found = await take_snapshot(streams.client, keys)
    assert found.tenants == TenantsWaiting({"a": 3, "c": 0}, {KIND: 2, OTHER: 1})
    assert "tenant a is paused; 3 jobs wait" in {hint.text for hint in found.hints}


async def test_a_thousand_tenants(queue: JobQueue, streams: Streams) -> None:
    """Of long names."""
    names = [f"{n}" + "x" * 196 for n in range(1_000)]
    await pause(streams.client, streams.keys, [f"tenant:{name}" for name in names], PauseNote())
    await add(streams, *names[:3], names[0], job_type=KIND)
    assert await queue.claim(9, block_ms=0) == []
    marks = [f"tenant:{name}" for name in names]
    found = await count_tenants(streams.client, streams.keys, marks, waiting=4)
    assert found.jobs == dict.fromkeys(names, 0) | {names[0]: 2, names[1]: 1, names[2]: 1}
    assert (found.by_type, found.not_looked_at) == ({KIND: 4}, 0)


async def test_nobody_is_paused(queue: JobQueue, streams: Streams) -> None:
    """Then nothing is asked."""
    del queue
    found = await count_tenants(streams.client, streams.keys, ["type:document"], waiting=4)
    assert found == TenantsWaiting()
