"""A job's fields, there and back; every entry that is no job; the producer's one command."""

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytest
from fakeredis import FakeAsyncRedis
from hypothesis import given
from hypothesis import strategies as st

from shared.enums import FailureReason, JobType
from shared.redis_streams import (
    GROUP,
    EntryError,
    JobEntry,
    Keys,
    StreamClient,
    create_consumer_group,
    decode_entry,
    encode_entry,
    parse_deadline,
    publish,
)

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.json"))
KEYS = Keys("{llm}")
KNOWN = {"job_id", "payload", "user_id", "deadline", "tenant", "traceparent", "tracestate"}
BAD_ID, BAD_PAYLOAD = FailureReason.MALFORMED_ENTRY, FailureReason.INVALID_PAYLOAD

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
IDS = st.from_regex(r"[^/?#\s\x00-\x1f\x7f-\x9f]{1,200}", fullmatch=True).filter(
    lambda name: name.isprintable() and name not in {".", ".."}
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "Infinity" not in json.dumps(value))
ENTRIES = st.builds(
    JobEntry,
    job_id=IDS,
    payload=st.dictionaries(TEXTS, VALUES, max_size=4),
    user_id=st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    deadline=st.none() | st.floats(1e-3, 1e11, exclude_max=True),
    tenant=st.none() | TEXTS.filter(bool),
    traceparent=st.none() | TEXTS.filter(bool),
    tracestate=st.none() | TEXTS.filter(bool),
    extra=st.dictionaries(TEXTS.filter(lambda name: name not in KNOWN), TEXTS, max_size=3),
)


def _raw(fields: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in fields.items()}


@given(ENTRIES)
def test_an_entry_comes_back_as_it_was(entry: JobEntry) -> None:
    """What a producer writes is what the worker reads, whatever is in it."""
    assert decode_entry(_raw(encode_entry(entry))) == entry


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden_entries_decode_for_ever(file: Path) -> None:
    """Entries of every version so far: they may lie in somebody's stream right now."""
    golden = json.loads(file.read_text(encoding="utf-8"))
    assert asdict(decode_entry(_raw(golden["fields"]))) == golden["entry"], golden["about"]


def test_there_are_golden_entries() -> None:
    """An empty folder would make the test above say nothing."""
    assert len(GOLDEN) >= 6


@pytest.mark.parametrize(
    ("fields", "reason", "job_id", "said"),
    [
        ({}, BAD_ID, None, "none of a job's fields"),
        ({b"hello": b"world"}, BAD_ID, None, "none of a job's fields"),
        ({b"payload": b"{}"}, BAD_ID, None, "'job_id' is missing or empty"),
        ({b"job_id": b"", b"payload": b"{}"}, BAD_ID, None, "missing or empty"),
        ({b"job_id": b" \t", b"payload": b"{}"}, BAD_ID, None, "missing or empty"),
        ({b"job_id": b"a/b", b"payload": b"{}"}, BAD_ID, None, "none of them / ? #"),
        ({b"job_id": b"..", b"payload": b"{}"}, BAD_ID, None, "may not be '.' or '..'"),
        ({b"job_id": b".", b"payload": b"{}"}, BAD_ID, None, "may not be '.' or '..'"),
        ({b"job_id": b"a b", b"payload": b"{}"}, BAD_ID, None, "blank"),
        ({b"job_id": b"a\x1b[2J", b"payload": b"{}"}, BAD_ID, None, "none of them"),
        ({b"job_id": "a\x9b2J".encode(), b"payload": b"{}"}, BAD_ID, None, "none of them"),
        ({b"job_id": b"x" * 201, b"payload": b"{}"}, BAD_ID, None, "200 characters"),
        ({b"job_id": b"j"}, BAD_PAYLOAD, "j", "'payload' is missing"),
        ({b"job_id": b"j", b"payload": b""}, BAD_PAYLOAD, "j", "not JSON"),
        ({b"job_id": b"j", b"payload": b"{"}, BAD_PAYLOAD, "j", "not JSON"),
        ({b"job_id": b"j", b"payload": b"[1]"}, BAD_PAYLOAD, "j", "a JSON list, not an object"),
        ({b"job_id": b"j", b"payload": b"null"}, BAD_PAYLOAD, "j", "not an object"),
        ({b"job_id": b"j", b"payload": b'"x"'}, BAD_PAYLOAD, "j", "a JSON str"),
        ({b"job_id": b"j", b"payload": b'{"a":NaN}'}, BAD_PAYLOAD, "j", "NaN"),
        ({b"job_id": b"j", b"payload": b'{"a":-Infinity}'}, BAD_PAYLOAD, "j", "-Infinity"),
        ({b"job_id": b"j", b"payload": b'{"a":"\xff"}'}, BAD_PAYLOAD, "j", "not JSON"),
        ({b"job_id": b"j", b"payload": b"\xff\xfe{}"}, BAD_PAYLOAD, "j", "not JSON"),
        ({b"job_id": b"j", b"payload": b"[" * 200_000}, BAD_PAYLOAD, "j", "not JSON"),
        ({b"job_id": b"j", b"payload": b'{"a":' + b"9" * 9_999 + b"}"}, BAD_PAYLOAD, "j", "JSON"),
        ({b"job_id": b"j", b"payload": b"{}", b"user_id": b"bob"}, BAD_ID, "j", "'bob'"),
        ({b"job_id": b"j", b"payload": b"{}", b"user_id": b"1.5"}, BAD_ID, "j", "whole number"),
        ({b"job_id": b"j", b"payload": b"{}", b"user_id": b"\xff"}, BAD_ID, "j", "whole number"),
        ({b"job_id": b"j", b"payload": b"{}", b"user_id": b"9" * 19}, BAD_ID, "j", "whole number"),
        ({b"job_id": b"j", b"payload": b"{}", b"deadline": b"soon"}, BAD_ID, "j", "RFC 3339"),
    ],
)
def test_an_entry_that_is_no_job_says_why(
    fields: dict[bytes, bytes], reason: FailureReason, job_id: str | None, said: str
) -> None:
    """The reason, a sentence, and the job id where there is one to tell Core about."""
    with pytest.raises(EntryError) as caught:
        decode_entry(fields)
    assert (caught.value.reason, caught.value.job_id) == (reason, job_id)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_payload_of_fifty_megabytes_is_not_even_parsed() -> None:
    """The bound is checked before the work, and the message has both numbers."""
    fields = {b"job_id": b"j", b"payload": b"[" * (50 << 20)}
    with pytest.raises(EntryError, match="52,428,800 bytes; 1,048,576 are allowed") as caught:
        decode_entry(fields)
    assert caught.value.reason is BAD_PAYLOAD


def test_the_bound_counts_bytes_and_is_inclusive() -> None:
    """Exactly as many as are allowed still pass; one fewer allowed, and it does not."""
    fields = {b"job_id": b"j", b"payload": '{"a":"ü"}'.encode()}
    assert decode_entry(fields, payload_max_bytes=10).payload == {"a": "ü"}
    with pytest.raises(EntryError):
        decode_entry(fields, payload_max_bytes=9)


def test_messages_repeat_nothing_of_the_payload() -> None:
    """They go into logs and to Core."""
    for payload in (b'{"a": "diary', b'"diary"', b'{"diary": }', b'{"diary": "\xff"}', b"diary"):
        with pytest.raises(EntryError) as caught:
            decode_entry({b"job_id": b"j", b"payload": payload})
        assert "diary" not in str(caught.value)


@given(st.dictionaries(st.sampled_from(sorted(KNOWN)).map(str.encode) | st.binary(), st.binary()))
def test_any_bytes_are_a_job_or_an_entry_error(fields: dict[bytes, bytes]) -> None:
    """Whatever lies in a stream, nothing else escapes."""
    entry = None
    with suppress(EntryError):
        entry = decode_entry(fields)
    assert entry is None or isinstance(cast("object", entry.payload), dict)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("1780000000", 1_780_000_000.0),
        (" 1780000000.5 ", 1_780_000_000.5),
        ("2026-06-01T12:00:00Z", 1_780_315_200.0),
        ("2026-06-01T12:00:00+02:00", 1_780_308_000.0),
    ],
)
def test_deadlines(text: str | None, seconds: float | None) -> None:
    """Unix seconds, or RFC 3339 with an offset."""
    assert parse_deadline(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "nan", "inf", "1780000000000", "2026-06-01T12:00:00", "2026-06-01", "x" * 9_999],
)
def test_deadlines_that_are_none(text: str) -> None:
    """Milliseconds, no offset, nonsense: refused with a short message, never guessed at."""
    with pytest.raises(ValueError, match="deadline") as caught:
        parse_deadline(text)
    assert len(str(caught.value)) < 120


def test_keys_share_one_cluster_slot() -> None:
    """A prefix in braces is in every key, unchanged."""
    keys = (KEYS.stream(JobType.TEXT_TAG), KEYS.outbox("text_tag"), KEYS.dead)
    assert keys == ("{llm}:text_tag", "{llm}:outbox:text_tag", "{llm}:dead")
    assert Keys().stream("followup") == "llm:followup"


def _fake() -> tuple[Any, StreamClient]:
    redis = cast("Any", FakeAsyncRedis())
    return redis, cast("StreamClient", redis)


async def test_one_plain_command_equals_publish() -> None:
    """Any language can produce: `XADD` by hand and `publish` leave the same fields."""
    redis, client = _fake()
    payload = '{"memory_id":"m1","content":"Booked the ferry to Naxos for June"}'
    by_hand = ("job_id", "7f3", "user_id", "42", "payload", payload)
    await client.execute_command("XADD", "{llm}:text_tag", "*", *by_hand)
    entry = JobEntry("7f3", json.loads(payload), user_id=42)
    entry_id = await publish(client, KEYS, JobType.TEXT_TAG, entry)
    (_, first), (last_id, second) = await redis.xrange("{llm}:text_tag")
    assert first == second
    assert list(first) == list(second)
    assert last_id.decode() == entry_id
    assert decode_entry(second) == entry
    await redis.aclose()


async def test_a_group_is_made_once_and_sees_what_came_before() -> None:
    """Made with its stream, at id 0; made again is no error and changes nothing."""
    redis, client = _fake()
    stream = KEYS.stream(JobType.TEXT_TAG)
    await publish(client, KEYS, JobType.TEXT_TAG, JobEntry("early", {}))
    assert await create_consumer_group(client, stream)
    assert not await create_consumer_group(client, stream)
    assert await create_consumer_group(client, stream, "another")
    [(_, entries)] = await redis.xreadgroup(GROUP, "me", {stream: ">"})
    assert [fields[b"job_id"] for _, fields in entries] == [b"early"]
    assert await create_consumer_group(client, "{llm}:empty")
    assert await redis.exists("{llm}:empty")
    await redis.aclose()


async def test_what_is_wrong_with_a_key_is_not_taken_for_a_group() -> None:
    """Only `BUSYGROUP` means that it is there already."""
    redis, client = _fake()
    await redis.set("{llm}:text_tag", "a string")
    with pytest.raises(Exception, match="WRONGTYPE"):
        await create_consumer_group(client, "{llm}:text_tag")
    await redis.aclose()
