"""`llm-worker enqueue`: what is wrong is said here, what is right lies in its stream."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from fakeredis import FakeAsyncRedis, FakeRedis, FakeServer
from typer.testing import CliRunner, Result

from shared.redis_streams import decode_entry
from worker.cli import app
from worker.config import Settings
from worker.queue.redis_clients import CommandClient, RedisClients

MODULE = importlib.import_module("worker.cli.at_redis")
QUERY = '{"query":"größe?"}'
Run = Callable[..., Result]
Entries = Callable[[str], list[dict[bytes, bytes]]]


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeServer:
    """A Redis in memory, which the command finds at any address; no settings but the defaults."""
    server = FakeServer()

    def connect(_url: str, *, key: str) -> RedisClients:
        client = cast("CommandClient", FakeAsyncRedis(server=server))
        return RedisClients(client, client)

    monkeypatch.setattr(MODULE, "connect", connect)
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return server


@pytest.fixture(name="run")
def _run(server: FakeServer) -> Run:
    """The command line, in this process."""

    def run(*words: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, ["enqueue", *words], input=stdin)

    return run


@pytest.fixture(name="entries")
def _entries(server: FakeServer) -> Entries:
    """What lies in a stream."""

    def entries(stream: str) -> list[dict[bytes, bytes]]:
        with FakeRedis(server=server) as redis:
            found = cast("Any", redis).xrange(stream)
        return [fields for _, fields in found]

    return entries


def test_a_job_lies_in_its_stream(run: Run, entries: Entries) -> None:
    """With every field that was given, and a line that says where."""
    options = ("--job-id", "7f3", "--user-id", "42", "--deadline", "2026-06-01T12:00:00Z")
    result = run("intent_classify", QUERY, *options)
    assert result.exit_code == 0
    assert result.stdout.startswith("7f3 enqueued on llm:intent_classify as ")
    [fields] = entries("llm:intent_classify")
    entry = decode_entry(fields)
    assert (entry.job_id, entry.user_id, entry.deadline) == ("7f3", 42, 1_780_315_200.0)
    assert entry.payload == {"query": "größe?"}


def test_a_job_id_is_made_up_and_printed(run: Run, entries: Entries) -> None:
    """A new one each time, and the one that was sent."""
    printed = [run("intent_classify", QUERY).stdout.split()[0] for _ in range(2)]
    sent = [decode_entry(fields).job_id for fields in entries("llm:intent_classify")]
    assert printed == sent
    assert len(set(sent)) == 2


def test_json_for_programs(run: Run) -> None:
    """One object and nothing else."""
    result = run("intent_classify", QUERY, "--job-id", "7f3", "--json")
    answer = json.loads(result.stdout)
    assert answer.pop("entry_id").partition("-")[0].isdecimal()
    assert answer == {"job_id": "7f3", "stream": "llm:intent_classify"}


def test_the_prefix_is_honoured(
    run: Run, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the worker reads it."""
    monkeypatch.setenv("LLM_STREAM_PREFIX", "{x}")
    assert run("intent_classify", QUERY).exit_code == 0
    assert len(entries("{x}:intent_classify")) == 1


def test_a_payload_from_a_file_or_standard_input(
    run: Run, entries: Entries, tmp_path: Path
) -> None:
    """Long ones don't fit on a line."""
    (tmp_path / "job.json").write_text(QUERY, encoding="utf-8")
    assert run("intent_classify", "@job.json").exit_code == 0
    assert run("intent_classify", "-", stdin=QUERY).exit_code == 0
    payloads = [decode_entry(fields).payload for fields in entries("llm:intent_classify")]
    assert payloads == [{"query": "größe?"}] * 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["paint", QUERY], "'paint' is no job type; there are image_tag, text_tag,"),
        (["\x1b[2J", QUERY], r"'\x1b[2J' is no job type"),
        (["intent_classify", "query"], "the payload is not JSON: Expecting value"),
        (["intent_classify", "-"], "the payload is not JSON"),
        (["intent_classify", "[]"], "the payload is a JSON list, not an object"),
        (["intent_classify", "[" * 99_999], "the payload is not JSON"),
        (["intent_classify", '{"query":NaN}'], "NaN, which JSON does not know"),
        (["intent_classify", r'{"query":"\ud800"}'], "surrogates not allowed"),
        (["intent_classify", "@none.json"], "No such file or directory: 'none.json'"),
        (["intent_classify", "@a\x1b[2J"], r"No such file or directory: 'a\x1b[2J'"),
        (["intent_classify", "@."], "Is a directory"),
        (["intent_classify", "@latin1.json"], "can't decode byte 0xdf"),
        (["intent_classify", "{}"], "no payload for intent_classify: query: Field required"),
        (["text_tag", '{"content":7}'], "memory_id: Field required; content: Input should be a"),
        (["intent_classify", QUERY, "--job-id", ""], "'job_id' is missing or empty"),
        (["intent_classify", QUERY, "--job-id", "a/b"], "none of them / ? # or blank"),
        (["intent_classify", QUERY, "--job-id", ".."], "may not be '.' or '..'"),
        (["intent_classify", QUERY, "--user-id", "9" * 30], "not a whole number"),
        (["intent_classify", QUERY, "--deadline", "soon"], "neither Unix seconds nor RFC 3339"),
        (["intent_classify", QUERY, "--deadline", "1960-01-01T00:00:00Z"], "Unix seconds"),
        (["intent_classify", json.dumps({"query": "x" * (2 << 20)})], "1,048,576 are allowed"),
    ],
)
def test_what_is_wrong_is_said_before_it_is_sent(
    run: Run, entries: Entries, tmp_path: Path, words: list[str], said: str
) -> None:
    """Exit code 2, one line on standard error, nothing in the stream."""
    (tmp_path / "latin1.json").write_bytes('{"query":"Straße"}'.encode("latin-1"))
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("llm-worker: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr
    assert entries("llm:intent_classify") == entries("llm:text_tag") == []


def test_a_message_does_not_repeat_the_payload(run: Run) -> None:
    """It may be private, and terminals are recorded."""
    for payload in ('{"query":["my diary"]}', '{"diary', '"diary"', '{"query":"diary\\ud800"}'):
        result = run("intent_classify", payload)
        assert result.exit_code == 2
        assert "diary" not in result.stderr


@pytest.mark.parametrize("words", [[], ["text_tag"], ["text_tag", "{}", "--user-id", "bob"]])
def test_wrong_usage_is_exit_code_2(run: Run, words: list[str]) -> None:
    """As everything that was typed wrong."""
    assert run(*words).exit_code == 2


def test_settings_that_cannot_work(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told in the same way as for the daemon."""
    monkeypatch.setenv("LLM_STREAM_PREFIX", "a b")
    result = run("intent_classify", QUERY)
    assert result.exit_code == 2
    assert "\n  LLM_STREAM_PREFIX='a b': " in result.stderr


def test_an_absent_redis_is_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something else than a wrong job: worth trying again; the password is not shown."""
    monkeypatch.undo()  # the real client
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:1")
    result = run("intent_classify", QUERY)
    assert result.exit_code == 1
    assert result.stderr == (
        "llm-worker: cannot reach Redis at REDIS_URL (127.0.0.1:1): connection refused; "
        "start Redis, or correct REDIS_URL; next: llm-worker check\n"
    )
    assert "hunter2" not in result.stderr
