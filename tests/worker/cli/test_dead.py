"""`llm-worker dead`: letters are listed, shown, put back and thrown away, and never by accident."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakeredis import FakeAsyncRedis, FakeRedis, FakeServer
from typer.testing import CliRunner, Result

from worker.cli import app
from worker.config import Settings
from worker.queue.redis_clients import CommandClient, RedisClients

MODULE = importlib.import_module("worker.cli.at_redis")
Run = Callable[..., Result]


class Graves:
    """What lies in Redis."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server

    def command(self, *words: str | int) -> Any:
        """Send one command."""
        with FakeRedis(server=self._server) as redis:
            return cast("Any", redis).execute_command(*words)

    def bury(self, job_id: str, *, job_type: str = "text_tag", **more: str) -> str:
        """Write a letter as the worker does; returns its id."""
        fields = {"job_id": job_id, "payload": '{"content":"the ferry"}'} | {
            "dead_reason": "bug",
            "dead_error": "KeyError",
            "dead_attempts": "5",
            "dead_stream": f"llm:{job_type}",
            "dead_deliveries": "1",
        }
        flat = [part for pair in (fields | more).items() for part in pair]
        return str(self.command("XADD", "llm:dead", "*", *flat).decode())

    def count(self, stream: str = "dead") -> int:
        """How many entries a stream has."""
        return int(self.command("XLEN", f"llm:{stream}"))


@pytest.fixture(name="graves")
def _graves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Graves:
    """A Redis in memory, which the command finds at any address; no settings but the defaults."""
    server = FakeServer()

    def connect(_url: str, *, key: str) -> RedisClients:
        assert key == "llm:dead"
        fake = FakeAsyncRedis(server=server, protocol=2, legacy_responses=False)
        client = cast("CommandClient", fake)
        return RedisClients(client, client)

    monkeypatch.setattr(MODULE, "connect", connect)
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return Graves(server)


@pytest.fixture(name="run")
def _run(graves: Graves) -> Run:
    """The command line, in this process."""
    assert graves.count() == 0

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["dead", *words])

    return run


# ------------------------------------------------------------------------- list


def test_no_letters(run: Run) -> None:
    """Nothing to show is no error, and nothing for a program to read."""
    result = run("list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "0 dead letters\n")


def test_a_table_for_people(run: Run, graves: Graves) -> None:
    """One row for each, oldest first, with what one needs to choose."""
    ids = [graves.bury(f"j{number}") for number in range(2)]
    result = run("list")
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["id", "died", "type", "reason", "job", "error"]
    assert [row.split()[0] for row in rows] == ids
    assert [row.split()[2:] for row in rows] == [
        ["text_tag", "bug", "j0", "KeyError"],
        ["text_tag", "bug", "j1", "KeyError"],
    ]
    assert (result.exit_code, result.stderr) == (0, "2 dead letters\n")


def test_json_for_programs(run: Run, graves: Graves) -> None:
    """One object a line, and nothing else."""
    letter_id = graves.bury("jé")
    result = run("list", "--json")
    [line] = result.stdout.splitlines()
    answer = json.loads(line)
    assert answer == {
        "died": answer["died"],
        "id": letter_id,
        "job_type": "text_tag",
        "job_id": "jé",
        "reason": "bug",
        "cause": "",
        "error": "KeyError",
        "attempts": "5",
        "deliveries": "1",
    }
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ([], {"a", "b", "c"}),
        (["--type", "followup"], {"b"}),
        (["--reason", "expired"], {"c"}),
        (["--text", "too late"], {"c"}),
        (["--text", ""], {"a", "b", "c"}),
        (["--older-than", "1m"], set[str]()),
        (["--newer-than", "7d"], {"a", "b", "c"}),
        (["--type", "video_tag"], set[str]()),
    ],
)
def test_filters(run: Run, graves: Graves, words: list[str], meant: set[str]) -> None:
    """Each is a filter of its own."""
    graves.bury("a")
    graves.bury("b", job_type="followup")
    graves.bury("c", dead_reason="expired", dead_error="too late")
    lines = run("list", "--json", *words).stdout.splitlines()
    assert {json.loads(line)["job_id"] for line in lines} == meant


def test_nobody_steers_the_terminal(run: Run, graves: Graves) -> None:
    """Control characters are shown as their escapes, and a value does not pass for a line."""
    nasty = "\x1b[2J\x9b\x07[red]x[/red]\nreason: none"
    letter_id = graves.bury("j1", dead_error=nasty, tenant=nasty, **{"odd\x1bname": "x"})
    listed, shown = run("list").stdout, run("show", letter_id).stdout
    assert not {"\x1b", "\x9b", "\x07"} & set(listed + shown)
    assert len(listed.splitlines()) == 2
    for line in (r"error: \x1b[2J\x9b\x07[red]x[/red]\nreason: none", r"odd\x1bname: x"):
        assert f"  {line}" in shown.splitlines()


# ------------------------------------------------------------------------- show


def test_a_letter_whole(run: Run, graves: Graves) -> None:
    """What became of it and what it was; a long value is cut for people, not for programs."""
    letter_id = graves.bury("j1", odd="x" * 5_000)
    text = run("show", letter_id).stdout
    assert '  payload: {"content":"the ferry"}' in text.splitlines()
    assert "  reason: bug" in text.splitlines()
    assert "x … 5,000 characters" in text
    whole = json.loads(run("show", letter_id, "--json").stdout)
    assert whole["id"] == letter_id
    assert whole["fields"]["odd"] == "x" * 5_000
    assert whole["dead"]["stream"] == "llm:text_tag"


# ------------------------------------------------------------------------- replay and purge


def test_replayed_by_id(run: Run, graves: Graves) -> None:
    """That one and no other; where it lies now is printed."""
    first = graves.bury("a")
    graves.bury("b")
    result = run("replay", first)
    assert (result.exit_code, result.stderr) == (0, "1 replayed\n")
    assert result.stdout.startswith(f"{first} replayed as ")
    assert (graves.count(), graves.count("text_tag")) == (1, 1)


def test_replayed_by_filter(run: Run, graves: Graves) -> None:
    """Those that are meant; at a rate where one is given."""
    for _ in range(3):
        graves.bury("a", dead_reason="attempts_exhausted")
    graves.bury("b")
    result = run("replay", "--reason", "attempts_exhausted", "--rate", "1000")
    assert (result.exit_code, result.stderr) == (0, "3 replayed\n")
    assert (graves.count(), graves.count("text_tag")) == (1, 3)


def test_a_rate_is_kept(run: Run, graves: Graves, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two jobs the command waits its share of a second."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    dead = importlib.import_module("worker.cli.dead")
    monkeypatch.setattr(dead, "asyncio", SimpleNamespace(sleep=sleep))
    for _ in range(2):
        graves.bury("a")
    assert run("replay", "--all", "--rate", "4").exit_code == 0
    assert waits == [0.25, 0.25]


@pytest.mark.parametrize(("words", "kept"), [([], 1), (["--ask-again"], 0)])
def test_an_answer_is_kept_or_dropped(
    run: Run, graves: Graves, words: list[str], kept: int
) -> None:
    """What Core refused is delivered again, unless it is to be asked for anew."""
    letter_id = graves.bury("a", dead_outcome='{"kind":"completed","result":{}}')
    assert run("replay", letter_id, *words).exit_code == 0
    assert int(graves.command("HLEN", "llm:outbox:text_tag")) == kept


@pytest.mark.parametrize(
    ("words", "left"),
    [(["--type", "followup"], 1), (["--all"], 0), (["--text", "a", "--reason", "expired"], 2)],
)
def test_purged(run: Run, graves: Graves, words: list[str], left: int) -> None:
    """Gone for good, and how many is said."""
    graves.bury("a")
    graves.bury("b", job_type="followup")
    result = run("purge", *words)
    assert (result.exit_code, result.stderr) == (0, f"{2 - left} purged\n")
    assert graves.count() == left


def test_an_id_that_is_gone(run: Run, graves: Graves) -> None:
    """The others are dealt with all the same, and it is named."""
    letter_id = graves.bury("a")
    result = run("purge", "1-1", letter_id)
    said = "llm-worker: there is no dead letter 1-1\n1 purged\n"
    assert (result.exit_code, result.stderr) == (0, said)


# ------------------------------------------------------------------------- wrong


@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize("words", [[], ["--text", ""]], ids=["nothing", "an empty text"])
def test_not_everything_by_accident(
    run: Run, graves: Graves, command: str, words: list[str]
) -> None:
    """A filter that was left out, or a variable that was not set, does not mean all."""
    graves.bury("a")
    result = run(command, *words)
    assert (result.exit_code, graves.count()) == (2, 1)
    assert result.stderr == "llm-worker: name letters or a filter, or say --all\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "7"], "'7' is no letter's id; they look like 1795231272936-0"),
        (["show", "1-1\x1b[2J"], r"'1-1\x1b[2J' is no letter's id"),
        (["purge", "1-1", "--all", "-1"], "No such option"),
        (["list", "--reason", "bad luck"], "'bad luck' is no reason; there are malformed_entry,"),
        (["list", "--older-than", "soon"], "'soon' is no age; write 30s, 15m, 2h or 7d"),
        (["list", "--newer-than", "-3s"], "'-3s' is no age"),
        (["purge", "--older-than", "7"], "'7' is no age"),
        (["replay", "--rate", "fast", "--all"], "Invalid value for '--rate'"),
        (["show"], "Missing argument"),
    ],
)
def test_wrong_words_are_exit_code_2(run: Run, graves: Graves, words: list[str], said: str) -> None:
    """Told on standard error, and nothing is done."""
    graves.bury("a")
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "\x1b" not in result.stderr
    assert graves.count() == 1


def test_a_letter_that_is_not_there_is_exit_code_1(run: Run) -> None:
    """Somebody was quicker."""
    result = run("show", "1-1")
    assert result.exit_code == 1
    assert result.stdout + result.stderr == "llm-worker: there is no dead letter 1-1\n"


def test_an_absent_redis_is_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Worth trying again; the password is not shown."""
    monkeypatch.undo()  # the real client
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:1")
    result = run("list")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "llm-worker: cannot reach Redis at REDIS_URL (127.0.0.1:1): connection refused; "
    )
    assert result.stderr.endswith("; next: llm-worker check\n")
    assert "hunter2" not in result.stderr


def test_a_key_of_another_kind_is_exit_code_1(run: Run, graves: Graves) -> None:
    """Redis is there, and says what is wrong."""
    graves.command("SET", "llm:dead", "x")
    result = run("list")
    assert result.exit_code == 1
    assert result.stderr.startswith("llm-worker: Redis refuses this: ResponseError: WRONGTYPE")
