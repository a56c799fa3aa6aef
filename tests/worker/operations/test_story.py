"""A job's story, wherever it is; and whether it can still be cancelled."""

import pytest

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams, job_fields
from tests.one_by_one import record, settle
from worker.operations.cancelling import Cancelled, cancel_job
from worker.operations.finding import find_entries
from worker.operations.pausing import PauseNote, pause
from worker.operations.pluck import Plucking
from worker.operations.story import Story, tell_story
from worker.operations.streams import server_now
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients
from worker.steering.roster import HeldJob, WorkerFacts, dump_facts

TYPE = JobType.TEXT_TAG


class Place:
    """A queue with one worker, and what an operator asks of it."""

    def __init__(self, clients: RedisClients, keys: Keys) -> None:
        self.client = clients.commands
        self.keys = keys
        self.queue = JobQueue(clients, keys, [TYPE], "me", events_kept=100)
        self.streams = Streams(clients.commands, keys)

    async def add(self, job_id: str, **more: str) -> str:
        """A job; returns the entry id."""
        return await self.streams.add(TYPE, **job_fields(TYPE, job_id=job_id, **more))

    async def story(self, wanted: str = "j1") -> Story:
        """What is known of it."""
        return await tell_story(self.client, self.keys, wanted)

    async def cancel(self, wanted: str = "j1") -> Cancelled:
        """What comes of cancelling it."""
        return (await cancel_job(self.client, self.keys, wanted)).result

    async def marked(self) -> list[bytes]:
        """Job ids that workers will not run."""
        return list(await self.client.execute_command("ZRANGE", self.keys.cancelled, 0, -1))


@pytest.fixture(name="place")
async def _place(any_clients: RedisClients, keys: Keys) -> Place:
    """Empty."""
    place = Place(any_clients, keys)
    await place.queue.create_groups()
    return place


async def test_one_that_waits(place: Place) -> None:
    """Found by its job id and by its entry id, among others, its payload left where it is."""
    await place.add("j0")
    entry_id = await place.add("j1", tenant="acme", user_id="7")
    for wanted in ("j1", entry_id):
        story = await place.story(wanted)
        [chapter] = story.chapters
        assert (story.state, chapter.entry.entry_id) == ("waiting", entry_id)
        assert (chapter.entry.job_id, chapter.entry.tenant) == ("j1", "acme")
        assert "ferry" not in repr(story)
    assert await place.cancel(entry_id) is Cancelled.WAITING
    assert await place.marked() == [b"j1"]
    assert (await place.story()).cancelled_at is not None


async def test_why_it_waits(place: Place) -> None:
    """As long as it does; then who has it is told instead."""

    async def why(job_id: str = "j1") -> str:
        [chapter] = (await place.story(job_id)).chapters
        return chapter.waits_because

    await place.add("j1", tenant="acme")
    await place.add("j2")
    assert await why() == "no worker runs"
    now = await server_now(place.client)
    raw = b'{"at":%d,' % now + dump_facts(WorkerFacts(job_types=("text_tag",)))[1:]
    await place.client.execute_command("HSET", place.keys.workers, "me", raw)
    assert await why() == "its turn has not come: 2 text_tag jobs wait"
    await pause(place.client, place.keys, ["tenant:acme"], PauseNote())
    assert (await why(), await why("j2")) == (
        *("tenant acme is paused", "its turn has not come: 2 text_tag jobs wait"),
    )
    [entry] = await place.queue.claim(1, block_ms=0)
    assert (entry.fields[b"job_id"], await why("j2")) == (b"j2", "")


async def test_one_in_a_workers_hands(place: Place) -> None:
    """With what that worker tells of it; whether it lives."""
    await place.add("j1")
    [entry] = await place.queue.claim(1, block_ms=0)
    story = await place.story()
    [chapter] = story.chapters
    assert (chapter.entry.holder, chapter.silent, chapter.told) == ("me", True, None)
    job = HeldJob(
        entry_id=entry.entry_id,
        job_type="text_tag",
        stage="parked",
        attempts=2,
        trouble="503",
        due_at=1.0,
    )
    told = dump_facts(WorkerFacts(jobs=(job,)))
    now = await server_now(place.client)
    raw = b'{"at":%d,' % now + told[1:]
    await place.client.execute_command("HSET", place.keys.workers, "me", raw)
    story = await place.story()
    [chapter] = story.chapters
    assert (story.state, chapter.told, chapter.silent) == ("parked", job, False)
    assert chapter.next_try.endswith(" d, waits for a slot")
    assert await place.cancel() is Cancelled.RUNNING


async def test_one_whose_answer_is_written_down(place: Place) -> None:
    """It cannot be cancelled: it may have been delivered in part."""
    await place.add("j1")
    [entry] = await place.queue.claim(1, block_ms=0)
    await record(place.queue, entry, b"answer")
    assert (await place.story()).state == "delivering"
    assert await place.cancel() is Cancelled.TOO_LATE
    assert await place.marked() == []


async def test_one_that_has_ended(place: Place) -> None:
    """Only its event tells of it."""
    await place.add("j1")
    [entry] = await place.queue.claim(1, block_ms=0)
    event = {"event": "completed", "job_id": "j1", "entry_id": entry.entry_id, "llm_ms": "5"}
    await settle(place.queue, entry, event=event)
    for wanted in ("j1", entry.entry_id):
        story = await place.story(wanted)
        assert (story.state, story.chapters, len(story.events)) == ("completed", (), 1)
    assert await place.cancel() is Cancelled.ENDED
    assert await place.marked() == []


async def test_one_that_died_and_one_that_was_replayed(place: Place) -> None:
    """The letter tells why; a job that is enqueued again has its past in its story."""
    await place.add("j1")
    [entry] = await place.queue.claim(1, block_ms=0)
    said = {"dead_reason": "bug", "dead_error": "KeyError", "dead_attempts": "5"}
    await place.queue.dead_letter(entry, said, {"event": "dead", "job_id": "j1"}, keep=9)
    story = await place.story()
    assert story.state == "dead"
    assert story.letters[0].fields["dead_error"] == "KeyError"
    assert (await place.story(entry.entry_id)).letters == story.letters
    await place.add("j1")
    again = await place.story()
    assert (again.state, len(again.letters), len(again.events)) == ("waiting", 1, 1)
    assert await place.cancel() is Cancelled.WAITING


async def test_events_are_told_by_their_own_time(place: Place) -> None:
    """They come from several connections; and a job's end is no step before it."""
    for event, moment in (("completed", "5.0"), ("seen", "1.0"), ("delivered", "4.0")):
        words = ("XADD", place.keys.events, "*", "event", event, "job_id", "j1", "at", moment)
        await place.client.execute_command(*words)
    story = await place.story()
    assert [row.fields["event"] for row in story.events] == ["seen", "delivered", "completed"]
    assert story.state == "completed"
    words = ("XADD", place.keys.events, "*", "event", "started", "job_id", "j2", "at", "junk")
    await place.client.execute_command(*words)
    assert (await place.story("j2")).state == "gone"
    assert await place.cancel("j2") is Cancelled.ENDED


async def test_one_that_nobody_knows(place: Place) -> None:
    """And how far was looked; a job id that looks like an entry's is looked for as both."""
    await place.add("j0")
    story = await place.story("j9")
    assert (story.is_known, story.state, story.whole, story.looked) == (False, "unknown", True, 1)
    assert await place.cancel("j9") is Cancelled.UNKNOWN
    await place.add("123-4")
    assert (await place.story("123-4")).state == "waiting"


async def test_a_walk_has_a_bound(place: Place) -> None:
    """What lies beyond may be there: it is said, and a cancellation is marked all the same."""
    for number in range(12):
        await place.add(f"j{number}")
    search = await find_entries(place.client, place.keys, "j11", look_at=10)
    assert (search.places, search.whole, search.looked) == ((), False, 10)
    search = await find_entries(place.client, place.keys, "j9", look_at=10)
    assert len(search.places) == 1


async def test_large_payloads_are_walked_in_small_steps(place: Place) -> None:
    """And a walk may have a bound in bytes; it says that it has not seen everything."""
    for number in range(50):
        await place.add(f"j{number}", payload="x" * 200_000)
    stream = place.keys.stream(TYPE)
    walk = Plucking(place.client, stream, ["job_id"])
    assert len([row async for row in walk.rows()]) == walk.looked == 50
    assert walk.whole
    walk = Plucking(place.client, stream, ["job_id"], most_bytes=3_000_000)
    assert len([row async for row in walk.rows()]) == walk.looked < 50
    assert not walk.whole


@pytest.mark.parametrize("newest_first", [True, False])
async def test_a_long_walk_goes_over_everything_once(place: Place, newest_first: bool) -> None:
    """In stretches; also where the last one is just full."""
    for number in range(1_010):
        await place.add(f"j{number}")
    walk = Plucking(place.client, place.keys.stream(TYPE), ["job_id"], newest_first=newest_first)
    found = [row.fields["job_id"] async for row in walk.rows()]
    wanted = [f"j{number}" for number in range(1_010)]
    assert found == (wanted[::-1] if newest_first else wanted)
    assert (walk.looked, walk.whole) == (1_010, True)
