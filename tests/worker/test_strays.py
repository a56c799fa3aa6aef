"""Jobs on streams that nobody reads are told to Core and moved, after a while and only those."""

import time
from dataclasses import dataclass

import pytest

from shared.enums import FailureReason, JobType
from shared.redis_streams import GROUP, Keys
from tests.builders import FakeCore, Streams
from worker.clock import Clock
from worker.errors import Reject, Snooze
from worker.queue.redis_clients import RedisClients
from worker.queue.scripts import STRAY
from worker.strays import Strays

pytestmark = pytest.mark.redis
AFTER_S = 60.0


@dataclass
class Sweep:
    """A sweep, the Core it tells, and the time it believes in."""

    strays: Strays
    core: FakeCore
    now: list[float]

    def later(self, seconds: float = AFTER_S + 1) -> None:
        """Let time pass."""
        self.now[0] += seconds


@pytest.fixture
def made(clients: RedisClients, keys: Keys) -> Sweep:
    """A sweep that takes what has strayed for a minute."""
    core, now = FakeCore(), [time.time() + 1]
    clock = Clock(now=lambda: now[0])
    strays = Strays(clients.commands, keys, core, clock, after_s=AFTER_S, dead_letters_kept=100)
    return Sweep(strays, core, now)


async def test_moved_after_a_while(made: Sweep, streams: Streams) -> None:
    """Young strays stay; old ones are told to Core as failed and moved with all their fields."""
    fields = {"job_id": "j1", "payload": "{}", "colour": "red"}
    entry_id = await streams.add("text_tags", **fields)
    assert await made.strays.sweep() == 0
    made.later()
    assert await made.strays.sweep() == 1
    [call] = made.core.calls
    assert (str(call), call.key) == ("finish j1 failed", f"j1:failed:{entry_id}")
    [letter] = await streams.dead()
    assert fields.items() <= letter.items()
    assert letter["dead_reason"] == "unknown_job_type"
    assert letter["dead_stream"] == "t:text_tags"
    assert letter["dead_entry_id"] == entry_id
    assert await streams.length("text_tags") == 0
    assert await made.strays.sweep() == 0


async def test_left_alone(made: Sweep, streams: Streams, clients: RedisClients) -> None:
    """Job types' own streams, the dead letters, events, outboxes, other prefixes, other types."""
    for job_type in JobType:
        await streams.add(job_type)
    for name in ("dead", "events", "outbox:text_tag"):
        await streams.add(name, job_id="j1")
    await clients.commands.execute_command("XADD", "tt:text_tags", "*", "job_id", "j1")
    await clients.commands.execute_command("SET", "t:lock", "x")
    made.later()
    assert await made.strays.sweep() == 0
    assert made.core.calls == []


async def test_served_by_a_newer_worker(made: Sweep, streams: Streams, keys: Keys) -> None:
    """A stream that has our group is somebody's: nothing is moved from it."""
    await streams.add("video_tag", job_id="j1", payload="{}")
    words = ("XGROUP", "CREATE", keys.stream("video_tag"), GROUP, "0")
    await streams.client.execute_command(*words)
    made.later()
    assert await made.strays.sweep() == 0
    assert await streams.length("video_tag") == 1


async def test_core_is_told_first(made: Sweep, streams: Streams) -> None:
    """While Core is away the entry stays; when it refuses, the entry goes all the same."""
    await streams.add("text_tags", job_id="j1", payload="{}")
    made.later()
    made.core.down = Snooze("away")
    assert await made.strays.sweep() == 0
    assert await streams.length("text_tags") == 1
    made.core.down = Reject(FailureReason.CORE_REJECTED, "404")
    assert await made.strays.sweep() == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"colour": "red"}, []),
        ({"payload": "{}"}, []),
        ({"job_id": "j1"}, ["finish j1 failed"]),
        ({"job_id": "j1", "payload": "no"}, ["finish j1 failed"]),
    ],
)
async def test_unreadable(
    made: Sweep, streams: Streams, fields: dict[str, str], told: list[str]
) -> None:
    """What is no job is moved too; Core hears of it where there is an id."""
    await streams.add("text_tags", **fields)
    made.later()
    assert await made.strays.sweep() == 1
    assert [str(call) for call in made.core.calls] == told


async def test_a_prefix_with_stars(clients: RedisClients) -> None:
    """A prefix is taken by the letter, whatever a pattern would make of it."""
    core = FakeCore()
    clock = Clock(now=lambda: time.time() + 1_000)
    for prefix, moved in (("a*", 1), ("{b}[c]?", 1), ("d:e", 1)):
        keys = Keys(prefix)
        await Streams(clients.commands, keys).add("odd", job_id="j1")
        await Streams(clients.commands, Keys("abc")).add("odd", job_id="j1")
        strays = Strays(clients.commands, keys, core, clock, after_s=1, dead_letters_kept=9)
        assert await strays.sweep() == moved
    assert await Streams(clients.commands, Keys("abc")).length("odd") == 3


# ------------------------------------------------------------------------- the script


@pytest.mark.parametrize(("group", "moved"), [(None, 1), ("somebody-else", 1), (GROUP, 0)], ids=str)
async def test_stray(streams: Streams, keys: Keys, group: str | None, moved: int) -> None:
    """An entry is moved, once, except from a stream that a newer worker serves."""
    fields = {"job_id": "j1", "payload": "{}"}
    entry_id = await streams.add("text_tags", **fields)
    stream = keys.stream("text_tags")
    if group is not None:
        await streams.client.execute_command("XGROUP", "CREATE", stream, group, "0")
    words = [GROUP, entry_id, 10, "dead_reason", "unknown_job_type"]
    for again in (False, True):
        expected = 0 if again else moved
        assert await STRAY(streams.client, [stream, keys.dead], words) == expected
    assert await streams.length("text_tags") == 1 - moved
    assert await streams.dead() == [{**fields, "dead_reason": "unknown_job_type"}] * moved


async def test_stray_of_a_stream_that_is_gone(streams: Streams, keys: Keys) -> None:
    """Somebody deleted the stream in between: there is nothing to move, and no error."""
    assert await STRAY(streams.client, [keys.stream("gone"), keys.dead], [GROUP, "1-1", 10]) == 0
