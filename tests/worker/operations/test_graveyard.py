"""Leafing through the dead letters, without reading what is in them."""

import pytest

from shared.redis_streams import Keys
from tests.builders import Streams, job_fields
from worker.operations import graveyard
from worker.operations.graveyard import Wanted, glance, leaf, purge_all, replay_each
from worker.queue.dead_letters import DeadLetters
from worker.queue.redis_clients import RedisClients

ALL = Wanted()


@pytest.fixture
def streams(any_clients: RedisClients, keys: Keys) -> Streams:
    """What an operator sees."""
    return Streams(any_clients.commands, keys)


async def _bury(streams: Streams, number: int, **more: str) -> str:
    keys = streams.keys
    fields = job_fields(job_id=f"j{number}") | {
        "dead_reason": "bug",
        "dead_stream": keys.stream("text_tag"),
    }
    flat = [part for pair in (fields | more).items() for part in pair]
    letter_id = await streams.client.execute_command("XADD", keys.dead, "*", *flat)
    return str(letter_id.decode())


async def test_the_newest_come_first(streams: Streams) -> None:
    """From any letter on, and without their payloads."""
    ids = [await _bury(streams, number) for number in range(5)]
    found = await leaf(streams.client, streams.keys, ALL, most=2)
    assert [letter.letter_id for letter in found.letters] == ids[:2:-1]
    assert found.more == ids[3]
    assert "ferry" not in repr(found)
    found = await leaf(streams.client, streams.keys, ALL, upto=f"({found.more}")
    assert [letter.letter_id for letter in found.letters] == ids[2::-1]
    assert (found.more, found.looked) == ("", 3)


async def test_an_empty_graveyard(streams: Streams) -> None:
    """Nothing is found, and nothing more is to be."""
    found = await leaf(streams.client, streams.keys, ALL)
    assert (found.letters, found.looked, found.more) == ((), 0, "")
    assert await glance(streams.client, streams.keys, "1-1") is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted("document"), ["j1"]),
        (Wanted(reason="poison"), ["j2"]),
        (Wanted(part="J3"), ["j3"]),
        (Wanted("document", "poison"), []),
        (Wanted(part="ferry"), []),
    ],
)
async def test_those_that_are_meant(streams: Streams, wanted: Wanted, found: list[str]) -> None:
    """By type, reason, or a part of an id; the payload is not searched."""
    await _bury(streams, 1, dead_stream=streams.keys.stream("document"))
    await _bury(streams, 2, dead_reason="poison")
    await _bury(streams, 3)
    letters = (await leaf(streams.client, streams.keys, wanted)).letters
    assert [letter.fields["job_id"] for letter in letters] == found


async def test_not_all_are_looked_at(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that finds nothing tells from where to go on."""
    monkeypatch.setattr(graveyard, "LOOK_AT", 3)
    ids = [await _bury(streams, number) for number in range(5)]
    found = await leaf(streams.client, streams.keys, Wanted(part="j1"))
    assert (found.letters, found.looked, found.more) == ((), 3, ids[2])
    found = await leaf(streams.client, streams.keys, Wanted(part="j1"), upto=f"({found.more}")
    assert [letter.letter_id for letter in found.letters] == [ids[1]]


async def test_one_letter_and_its_size(streams: Streams) -> None:
    """Large or small, without fetching it."""
    letter_id = await _bury(streams, 1, payload="x" * 100_000)
    found = await glance(streams.client, streams.keys, letter_id)
    assert found is not None
    assert found[0].fields["job_id"] == "j1"
    assert 100_000 < found[1] < 101_000
    assert "payload" not in found[0].fields


async def test_many_are_put_back_or_thrown_away(streams: Streams) -> None:
    """Those that are still there; their payloads go back with them."""
    for number in range(4):
        await _bury(streams, number)
    letters = DeadLetters(streams.client, streams.keys)
    found = (await leaf(streams.client, streams.keys, ALL)).letters
    assert await purge_all(letters, found[:1]) == 1
    back = [each async for each in replay_each(letters, found[:3], ask_again=False)]
    assert len(back) == 2
    assert await streams.length() == 2
    assert await purge_all(letters, found) == 1
    assert await streams.dead() == []
