"""Dead letters are found, put back in one step under their old job id, and thrown away."""

import asyncio
import time

import pytest
from redis import exceptions

from shared.enums import FailureReason, JobType
from shared.redis_streams import Keys
from tests.builders import Streams, bare, job_fields, tagged, until
from tests.engine import Engine
from worker.errors import Reject
from worker.outcome import Completed, Failed, load_outcome
from worker.queue.dead_letters import DeadLetter, DeadLetters, LetterFilter
from worker.queue.redis_clients import RedisClients

KIND = JobType.TEXT_TAG
DAY_S = 86_400.0


@pytest.fixture
def letters(any_clients: RedisClients, keys: Keys) -> DeadLetters:
    """What is tested."""
    return DeadLetters(any_clients.commands, keys)


@pytest.fixture
def streams(any_clients: RedisClients, keys: Keys) -> Streams:
    """What an operator sees."""
    return Streams(any_clients.commands, keys)


async def bury(streams: Streams, job_type: str = KIND, **more: str) -> str:
    """Write a letter as the worker does; returns its id."""
    fields = job_fields(job_id="j1") | {
        "dead_reason": "bug",
        "dead_error": "KeyError",
        "dead_attempts": "5",
        "dead_stream": streams.keys.stream(job_type),
        "dead_entry_id": "1-1",
        "dead_deliveries": "1",
    }
    flat = [part for pair in (fields | more).items() for part in pair]
    letter_id = await streams.client.execute_command("XADD", streams.keys.dead, "*", *flat)
    return str(letter_id.decode())


async def found(letters: DeadLetters, wanted: LetterFilter, now: float | None = None) -> list[str]:
    """The ids of the letters that are meant."""
    moment = time.time() if now is None else now
    return [letter.letter_id async for letter in letters.find(wanted, moment)]


async def one(letters: DeadLetters, letter_id: str) -> DeadLetter:
    """A letter that is there."""
    letter = await letters.get(letter_id)
    assert letter is not None
    return letter


# ------------------------------------------------------------------------- found


async def test_a_letter(letters: DeadLetters, streams: Streams) -> None:
    """The producer's fields and ours, apart."""
    letter = await one(letters, await bury(streams, colour="red"))
    assert letter.fields == job_fields(job_id="j1") | {"colour": "red"}
    assert (letter.reason, letter.job_type, letter.said["attempts"]) == ("bug", "text_tag", "5")
    assert abs(letter.died_s - time.time()) < 60
    assert await letters.get("1-1") is None
    assert await letters.count() == 1


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        (LetterFilter(), "abc"),
        (LetterFilter(job_type="followup"), "b"),
        (LetterFilter(reason="expired"), "c"),
        (LetterFilter(job_type="followup", reason="expired"), ""),
        (LetterFilter(text="NAXOS"), "abc"),
        (LetterFilter(text="straße"), "b"),
        (LetterFilter(text="no such key: x"), "c"),
        (LetterFilter(text="dead_reason"), ""),
    ],
)
async def test_filters(
    letters: DeadLetters, streams: Streams, wanted: LetterFilter, meant: str
) -> None:
    """By type, by reason, by text anywhere in the letter, and by all of these at once."""
    ids = {
        await bury(streams): "a",
        await bury(streams, "followup", tenant="STRASSE"): "b",
        await bury(streams, dead_reason="expired", dead_error="No such key: x"): "c",
    }
    assert "".join(ids[letter_id] for letter_id in await found(letters, wanted)) == meant


async def test_ages(letters: DeadLetters, streams: Streams) -> None:
    """Older than, newer than, and between; the time of death is the server's."""
    letter_id = await bury(streams)
    a_day_later = time.time() + DAY_S
    for older_s, newer_s, meant in [
        (DAY_S - 60, None, True),
        (DAY_S + 60, None, False),
        (None, DAY_S + 60, True),
        (None, DAY_S - 60, False),
        (DAY_S - 60, DAY_S + 60, True),
    ]:
        wanted = LetterFilter(older_than_s=older_s, newer_than_s=newer_s)
        assert await found(letters, wanted, a_day_later) == ([letter_id] if meant else [])


async def test_a_clock_that_is_slow_here(letters: DeadLetters, streams: Streams) -> None:
    """What died a moment ago is found, whatever this machine believes the time to be."""
    letter_id = await bury(streams)
    assert await found(letters, LetterFilter(), time.time() - DAY_S) == [letter_id]


async def test_more_than_a_page(letters: DeadLetters, streams: Streams) -> None:
    """1,001 letters are found once each, oldest first; what dies meanwhile is not among them."""
    ids = [await bury(streams) for _ in range(1_001)]
    seen: list[str] = []
    async for letter in letters.find(LetterFilter(), time.time()):
        seen.append(letter.letter_id)
        if len(seen) == 3:
            await bury(streams)
    assert seen == ids
    assert await letters.count() == 1_002


async def test_nothing_there(letters: DeadLetters) -> None:
    """No stream at all is no letters."""
    assert await found(letters, LetterFilter()) == []
    assert await letters.count() == 0
    assert await letters.purge([]) == 0


async def test_purged(letters: DeadLetters, streams: Streams) -> None:
    """Those that are named, and what is already gone is not counted."""
    first, second = [await bury(streams) for _ in range(2)]
    assert await letters.purge([first, "1-1"]) == 1
    assert await found(letters, LetterFilter()) == [second]


# ------------------------------------------------------------------------- put back


async def test_put_back(letters: DeadLetters, streams: Streams) -> None:
    """With its own fields and job id, without what we said of it; then the letter is gone."""
    letter_id = await bury(streams, colour="red")
    entry_id = await letters.replay(await one(letters, letter_id))
    [(new_id, fields)] = await streams.client.execute_command("XRANGE", "t:text_tag", "-", "+")
    own = {name.decode(): value.decode() for name, value in fields.items()}
    assert new_id.decode() == entry_id
    assert own == job_fields(job_id="j1") | {"colour": "red", "replayed": letter_id}
    assert (await streams.dead(), await streams.outbox(KIND)) == ([], {})


@pytest.mark.parametrize("ask_again", [False, True])
async def test_a_kept_answer(letters: DeadLetters, streams: Streams, ask_again: bool) -> None:
    """It goes to the outbox, to be delivered; or it is dropped, to be asked for anew."""
    answer = tagged("m1").model_dump_json()
    letter = await one(letters, await bury(streams, dead_outcome=answer))
    entry_id = await letters.replay(letter, ask_again=ask_again)
    assert entry_id is not None
    kept = {} if ask_again else {entry_id.encode(): answer.encode()}
    assert await streams.outbox(KIND) == kept


async def test_a_forged_answer(letters: DeadLetters, streams: Streams) -> None:
    """A producer's own field of that name is no answer of ours: it would reach Core as one."""
    words = [
        "dead_outcome",
        tagged("m1").model_dump_json(),
        *("job_id", "j1"),
        "dead_reason",
        "mine",
    ]
    ours = ["dead_reason", "bug", "dead_stream", "t:text_tag"]
    command = streams.client.execute_command
    letter_id = await command("XADD", streams.keys.dead, "*", *words, *ours)
    assert await letters.replay(await one(letters, letter_id.decode())) is not None
    assert await streams.outbox(KIND) == {}


async def test_replayed_by_two(letters: DeadLetters, streams: Streams) -> None:
    """At once or one after the other: the job is put back once."""
    letter = await one(letters, await bury(streams))
    told = [
        *await asyncio.gather(letters.replay(letter), letters.replay(letter)),
        await letters.replay(letter),
    ]
    assert sum(entry_id is not None for entry_id in told) == 1
    assert await streams.length(KIND) == 1


async def test_replayed_after_a_purge(letters: DeadLetters, streams: Streams) -> None:
    """What somebody threw away stays away."""
    letter = await one(letters, await bury(streams))
    await letters.purge([letter.letter_id])
    assert await letters.replay(letter) is None
    assert await streams.length(KIND) == 0


async def test_a_letter_from_nowhere(letters: DeadLetters, streams: Streams) -> None:
    """Not written by a worker, it names no stream: it stays, and no stream is made up."""
    letter_id = await streams.client.execute_command("XADD", streams.keys.dead, "*", "a", "b")
    assert await letters.replay(await one(letters, letter_id.decode())) is None
    assert await letters.count() == 1


async def test_replayed_again(letters: DeadLetters, streams: Streams) -> None:
    """A job that dies a second time has one `replayed`: the last."""
    letter = await one(letters, await bury(streams, replayed="0-1"))
    await letters.replay(letter)
    [(_, fields)] = await streams.client.execute_command("XRANGE", "t:text_tag", "-", "+")
    assert fields[b"replayed"].decode() == letter.letter_id


# ------------------------------------------------------------------------- end to end


@pytest.mark.redis
async def test_many_fields(clients: RedisClients, keys: Keys) -> None:
    """Of 5,000 fields the letter has kept 2,000, and these come back."""
    streams, letters = Streams(clients.commands, keys), DeadLetters(clients.commands, keys)
    engine = Engine(clients, keys)
    await engine.queue.create_groups()
    await streams.add(KIND, **{f"f{number}": str(number) for number in range(5_000)})
    async with engine.running():
        await until(lambda: bool(engine.reports))
    [letter_id] = await found(letters, LetterFilter())
    letter = await one(letters, letter_id)
    assert (len(letter.fields), letter.reason) == (2_000, "malformed_entry")
    assert await letters.replay(letter) is not None
    [(_, fields)] = await streams.client.execute_command("XRANGE", "t:text_tag", "-", "+")
    assert len(fields) == 2_001


@pytest.mark.redis
@pytest.mark.parametrize("ask_again", [False, True])
async def test_delivered_without_being_asked_again(
    clients: RedisClients, keys: Keys, ask_again: bool
) -> None:
    """Core refused an answer and has been mended: the answer arrives, and was paid for once."""
    streams, letters = Streams(clients.commands, keys), DeadLetters(clients.commands, keys)
    engine = Engine(clients, keys)
    engine.core.down = Reject(FailureReason.CORE_REJECTED, "404")
    await streams.add(KIND, **job_fields(job_id="j1"))
    async with engine.running():
        await until(lambda: bool(engine.reports))
        engine.core.down = None
        [letter_id] = await found(letters, LetterFilter(reason="core_rejected"))
        letter = await one(letters, letter_id)
        kept = load_outcome(letter.said["outcome"].encode())
        assert kept is not None
        assert bare(kept) == tagged("m1")
        await letters.replay(letter, ask_again=ask_again)
        await until(lambda: len(engine.reports) == 2)
    outcomes = [outcome for _, outcome in engine.reports]
    assert isinstance(outcomes[0], Failed)
    assert isinstance(outcomes[1], Completed)
    assert engine.asked == (2 if ask_again else 1)
    assert engine.core.finished[-1].subject == "j1 completed"
    assert (await streams.left_over(), await streams.dead()) == ({}, [])


@pytest.mark.redis
async def test_out_of_memory(clients: RedisClients, keys: Keys) -> None:
    """At maxmemory nothing is put back, and no letter is lost over it."""
    streams, letters = Streams(clients.commands, keys), DeadLetters(clients.commands, keys)
    letter = await one(letters, await bury(streams))
    await clients.commands.execute_command("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(exceptions.OutOfMemoryError):
            await letters.replay(letter)
    finally:
        await clients.commands.execute_command("CONFIG", "SET", "maxmemory", "0")
    assert (await letters.count(), await streams.length(KIND)) == (1, 0)
