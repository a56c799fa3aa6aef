"""A worker's beats: what it tells, what it hears, and what it does where it may do neither."""

import asyncio
import json
import os
from typing import Any

from redis import exceptions
from structlog.testing import capture_logs

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import claimed, job, until
from worker.clock import Clock
from worker.marks import Marks, type_field
from worker.queue.redis_clients import RedisClients
from worker.queue.scripts import CANCEL
from worker.steering.presence import Presence
from worker.steering.roster import WorkerFacts, load_facts

FACTS = WorkerFacts(host="here", held=3, started_at=900.0)


class Desk:
    """A worker's presence at some Redis."""

    def __init__(self, client: Any, keys: Keys) -> None:
        self.client = client
        self.keys = keys
        self.marks = Marks()
        self.now = 1_000.0
        clock = Clock(elapsed=lambda: self.now, jitter=lambda: 0.5, now=lambda: 1_234.0)
        self.presence = Presence(client, keys, "me", lambda: FACTS, self.marks, clock)

    async def told(self) -> dict[str, bytes]:
        """What is known of all workers."""
        found = await self.client.execute_command("HGETALL", self.keys.workers)
        return {name.decode(): raw for name, raw in dict(found).items()}


async def test_a_beat_tells_and_hears(any_clients: RedisClients, keys: Keys) -> None:
    """In one script; the server says when."""
    desk = Desk(any_clients.commands, keys)
    command = any_clients.commands.execute_command
    await command("HSET", keys.paused, type_field("text_tag"), "{}")
    await CANCEL(any_clients.commands, [keys.cancelled], [keys.control, "j1", "j2"])
    assert await desk.presence.beat()
    seconds, _ = await command("TIME")
    facts = load_facts((await desk.told())["me"])
    assert facts is not None
    assert abs(facts.at - int(seconds)) < 5
    assert facts == FACTS.model_copy(update={"at": facts.at})
    assert desk.marks.known
    assert desk.marks.paused.types == {"text_tag"}
    for job_id in ("j1", "j2", "j3"):
        made = job(claimed(entry_id="1-0"))
        made.job_id = job_id
        assert desk.marks.cancels(made) is (job_id != "j3")


async def test_a_beat_remembers_how_long_the_streams_were(
    any_clients: RedisClients, keys: Keys
) -> None:
    """The second tells what the first has seen, of every job type."""
    desk, command = Desk(any_clients.commands, keys), any_clients.commands.execute_command
    for _ in range(3):
        await command("XADD", keys.stream("text_tag"), "*", "job_id", "j")
    await desk.presence.beat()
    await command("DEL", keys.stream("text_tag"))
    await desk.presence.beat()
    facts = load_facts((await desk.told())["me"])
    assert facts is not None
    assert {name: length for name, (_, length) in facts.before.items()} == (
        dict.fromkeys(JobType, 0) | {"text_tag": 3}
    )
    assert abs(facts.before["text_tag"][0] - facts.at) < 5


async def test_leaving(any_clients: RedisClients, keys: Keys) -> None:
    """Nobody is to look for it."""
    desk = Desk(any_clients.commands, keys)
    await desk.presence.beat()
    await desk.presence.leave()
    assert await desk.told() == {}


async def test_halting(any_clients: RedisClients, keys: Keys) -> None:
    """The last word stands in its own row, with who it was and when; it holds nothing any more."""
    desk = Desk(any_clients.commands, keys)
    await desk.presence.beat()
    await desk.presence.halt("no model 'mistral'")
    [(name, raw)] = (await desk.told()).items()
    facts = load_facts(raw)
    assert facts is not None
    assert (name, facts.halted, facts.held) == ("me", "no model 'mistral'", 0)
    assert (facts.pid, facts.started_at, facts.halted_at) == (os.getpid(), 900.0, 1_234.0)


async def test_those_who_were_killed_are_forgotten(any_clients: RedisClients, keys: Keys) -> None:
    """After an hour; marks after a week."""
    desk = Desk(any_clients.commands, keys)
    command = any_clients.commands.execute_command
    seconds, _ = await command("TIME")
    for name, at in (("gone", int(seconds) - 3_700), ("silent", int(seconds) - 3_000)):
        await command("HSET", keys.workers, name, json.dumps({"at": at}))
    await command("HSET", keys.workers, "junk", "junk")
    await command("ZADD", keys.cancelled, (int(seconds) - 8 * 86_400) * 1_000, "old")
    await command("ZADD", keys.cancelled, (int(seconds) - 6 * 86_400) * 1_000, "new")
    await desk.presence.beat()
    assert "gone" in await desk.told()
    desk.now += 1_000
    await desk.presence.beat()
    assert (await desk.told()).keys() == {"me", "silent"}
    assert await command("ZRANGE", keys.cancelled, 0, -1) == [b"new"]


class Refusing:
    """A Redis that answers everything with an error."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception = error
        self.asked = 0

    async def execute_command(self, *_: Any, **__: Any) -> Any:
        """Refuse it."""
        self.asked += 1
        raise self.error


async def test_an_outage_at_the_start_is_told_each_minute(keys: Keys) -> None:
    """By the beats: nothing is claimed yet. Until it is over nothing is known of the marks."""
    desk = Desk(Refusing(exceptions.ConnectionError("refused")), keys)
    with capture_logs() as logs:
        for _ in range(4):
            assert not await desk.presence.beat()
            desk.now += 30
    said = [(line["event"], line["away_s"]) for line in logs]
    assert said == [("redis_unavailable", 0), ("redis_unavailable", 60)]
    assert not desk.marks.known


async def test_without_the_rights_a_worker_works(keys: Keys) -> None:
    """It says once what is missing, and takes nothing to be paused."""
    desk = Desk(Refusing(exceptions.NoPermissionError("no 'hgetall'")), keys)
    with capture_logs() as logs:
        assert not await desk.presence.beat()
        assert not await desk.presence.beat()
    assert [(line["event"], line["log_level"]) for line in logs] == [("not_steerable", "warning")]
    assert desk.marks.known


async def test_a_nudge_beats_at_once(any_clients: RedisClients, keys: Keys) -> None:
    """Without waiting for the time between beats."""
    desk = Desk(any_clients.commands, keys)
    heard: list[bool] = []

    async def hear(paused_changed: bool) -> None:
        await asyncio.sleep(0)
        heard.append(paused_changed)

    running = asyncio.create_task(desk.presence.run(hear, 3_600))
    try:
        await until(lambda: len(heard) == 1)
        await any_clients.commands.execute_command("HSET", keys.paused, type_field("x"), "{}")
        desk.presence.nudge()
        await until(lambda: len(heard) == 2)
        desk.presence.nudge()
        await until(lambda: len(heard) == 3)
    finally:
        running.cancel()
        await asyncio.wait({running})
    assert heard == [False, True, False]


async def test_without_memory_it_is_told_and_heard(clients: RedisClients, keys: Keys) -> None:
    """A full server's workers are at work, and what is paused in an emergency has to reach them.

    Nothing else they do is refused, so this is where they find out, and say it once.
    """
    desk = Desk(clients.commands, keys)
    command = clients.commands.execute_command
    await command("HSET", keys.paused, type_field("text_tag"), "{}")
    await command("CONFIG", "SET", "maxmemory", "1")
    with capture_logs() as logs:
        try:
            assert await desk.presence.beat()
            assert await desk.presence.beat()
        finally:
            await command("CONFIG", "SET", "maxmemory", "0")
        assert desk.marks.paused.types == {"text_tag"}
        assert (await desk.told()).keys() == {"me"}
        assert await desk.presence.beat()
        assert await desk.presence.beat()
    first, second = logs
    assert (first["event"], first["for_s"]) == ("redis_takes_no_writes", 0)
    assert first["error"].startswith("OOM ")
    assert second["event"] == "redis_takes_writes_again"


async def test_a_server_that_takes_no_writes_lets_the_hearing_through(
    clients: RedisClients, keys: Keys
) -> None:
    """What it does not let a worker tell is no reason to be deaf."""
    desk = Desk(clients.commands, keys)
    command = clients.commands.execute_command
    await command("HSET", keys.paused, type_field("text_tag"), "{}")
    await command("CONFIG", "SET", "min-replicas-to-write", "1")
    try:
        assert await desk.presence.beat()
    finally:
        await command("CONFIG", "SET", "min-replicas-to-write", "0")
    assert desk.marks.paused.types == {"text_tag"}
    assert await desk.told() == {}
