"""Lines of a file become jobs, or are named for what is wrong with them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enums import JobType
from shared.redis_streams import Keys, decode_entry
from shared.schemas import PAYLOADS
from worker.operations.enqueuing import (
    BATCH_JOBS,
    Given,
    Line,
    append_all,
    batches,
    read_lines,
)
from worker.queue.redis_clients import RedisClients

TYPE = JobType.INTENT_CLASSIFY
ALL = Given(user_id=7, tenant="acme", deadline="2030-01-01T00:00:00Z")


def _one(text: str, given: Given = ALL) -> Line:
    [line] = read_lines([text.encode()], TYPE, given)
    return line


def test_a_bare_payload_has_what_is_given_for_all() -> None:
    """And a job id of its own."""
    entry = _one('{"query":"größe"}').entry
    assert entry is not None
    assert (entry.payload, entry.user_id, entry.tenant) == ({"query": "größe"}, 7, "acme")
    assert entry.deadline == 1_893_456_000
    assert len(entry.job_id) == 32


def test_a_lines_own_fields_win() -> None:
    """All of them."""
    own = {"job_id": "j1", "user_id": 8, "tenant": "b", "deadline": 1_900_000_000.5}
    entry = _one(json.dumps({"payload": {"query": "x"}, **own})).entry
    assert entry is not None
    assert {name: getattr(entry, name) for name in own} == own


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope", "the line is not JSON: Expecting value"),
        ("[]", "the line is a JSON list, not an object"),
        ("[" * 99_999, "the line is not JSON"),
        ("\xff", "the line is not JSON"),
        ('{"payload":[]}', "the payload is a JSON list, not an object"),
        ('{"payload":{"query":"x"},"priority":1}', "unknown field 'priority' beside payload"),
        ('{"payload":{"query":"x"},"user_id":"7"}', "user_id is not a whole number"),
        ('{"payload":{"query":"x"},"user_id":true}', "user_id is not a whole number"),
        ('{"payload":{"query":"x"},"job_id":7}', "job_id is a JSON int, not a text"),
        ('{"payload":{"query":"x"},"job_id":"a/b"}', "none of them / ? # or blank"),
        ('{"payload":{"query":"x"},"deadline":"soon"}', "neither Unix seconds nor RFC 3339"),
        ('{"query":["my diary"]}', "query: Input should be a valid string"),
    ],
)
def test_what_is_no_job_is_named(text: str, said: str) -> None:
    """And what it holds is not repeated."""
    raw = text.encode("latin-1") if text == "\xff" else text.encode()
    [line] = read_lines([b"\n", raw], TYPE, Given())
    assert line.entry is None
    assert line.number == 2
    assert said in line.problem
    assert "diary" not in line.problem


def test_batches_keep_the_order_and_a_size() -> None:
    """A bad line is where it stands, so that `--strict` ends there and not before."""
    good, bad = b'{"query":"x"}', b"nope"
    lines = list(read_lines([*[good] * 150, bad, good], TYPE, Given()))
    found = [[line.number for line in batch] for batch in batches(lines)]
    assert found == [list(range(1, 101)), list(range(101, 151)), [151], [152]]
    large = b'{"query":"%s"}' % (b"x" * 9_000)
    sizes = [len(batch) for batch in batches(read_lines([large] * 200, TYPE, Given()))]
    assert sum(sizes) == 200
    assert max(sizes) <= BATCH_JOBS


@given(st.binary(max_size=200))
def test_any_bytes_are_a_line(raw: bytes) -> None:
    """Nothing but a verdict comes of them."""
    for line in read_lines([raw], TYPE, Given()):
        assert (line.entry is None) == bool(line.problem)


def test_no_payload_could_pass_for_a_job() -> None:
    """The field `payload` is what tells a line that is a job from one that is a payload."""
    assert all("payload" not in schema.model_fields for schema in PAYLOADS.values())


async def test_appended_in_one_go(any_clients: RedisClients, keys: Keys) -> None:
    """In their order, as a plain XADD would have it."""
    lines = read_lines([b'{"query":"%d"}' % n for n in range(BATCH_JOBS)], TYPE, ALL)
    entries = [line.entry for line in lines if line.entry is not None]
    ids = await append_all(any_clients.commands, keys, TYPE, entries)
    rows = await any_clients.commands.execute_command("XRANGE", keys.stream(TYPE), "-", "+")
    assert [row[0].decode() for row in rows] == ids
    assert [decode_entry(row[1]) for row in rows] == entries
