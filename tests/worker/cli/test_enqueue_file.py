"""`llm-worker enqueue TYPE --file`, and `--wait`."""

import json
from pathlib import Path

import pytest

from shared.redis_streams import decode_entry
from tests.worker.cli.terminal import KEYS, Terminal

KIND = "intent_classify"
QUERY = '{"query":"x"}'


def _jobs(terminal: Terminal) -> list[str]:
    rows = terminal.command("XRANGE", KEYS.stream(KIND), "-", "+")
    return [decode_entry(fields).job_id for _, fields in rows]


def test_every_good_line_is_appended(terminal: Terminal) -> None:
    """In the file's order; the bad ones are named, and tell by the exit code."""
    lines = [f'{{"payload":{QUERY},"job_id":"j{n}"}}' for n in range(250)]
    lines.insert(120, "nope")
    Path("jobs.jsonl").write_text("\n".join([*lines, "", "[]"]), encoding="utf-8")
    result = terminal.run("enqueue", KIND, "--file", "jobs.jsonl")
    assert result.exit_code == 1
    assert _jobs(terminal) == [f"j{n}" for n in range(250)]
    assert result.stdout.startswith("250 jobs enqueued for intent_classify, ")
    assert result.stdout.endswith(" a second, 2 bad lines left out\n")
    assert "line 121: the line is not JSON" in result.stderr
    assert "line 253: the line is a JSON list, not an object" in result.stderr


def test_strict_ends_at_the_first_bad_line(terminal: Terminal) -> None:
    """What stands before it is appended."""
    stdin = "\n".join([QUERY, "nope", QUERY])
    result = terminal.run("enqueue", KIND, "--file", "-", "--strict", stdin=stdin)
    assert result.exit_code == 1
    assert len(_jobs(terminal)) == 1


def test_json_for_programs(terminal: Terminal) -> None:
    """One object; many bad lines are counted and not all named."""
    words = ("enqueue", KIND, "--file", "-", "--json", "--tenant", "acme", "--user-id", "7")
    result = terminal.run(*words, stdin="\n".join([QUERY, *["nope"] * 50]))
    assert json.loads(result.stdout) == {
        "job_type": KIND,
        "appended": 1,
        "bad_lines": 50,
        "unsure": 0,
        "completed": 0,
        "dead": 0,
        "not_ended": 0,
    }
    assert result.stderr.count("\n") == 21
    rows = terminal.command("XRANGE", KEYS.stream(KIND), "-", "+")
    assert rows[0][1][b"tenant"] == b"acme"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([KIND, "--file", "none.jsonl"], "--file: none.jsonl: No such file or directory"),
        ([KIND, "--file", "."], "--file: .: Is a directory"),
        ([KIND, QUERY, "--file", "x"], "--file takes neither a payload nor --job-id"),
        ([KIND, "--file", "x", "--job-id", "j"], "--file takes neither a payload nor --job-id"),
        ([KIND], "give a payload, @FILE, - or --file"),
        (["paint", "--file", "x"], "'paint' is no job type"),
    ],
)
def test_wrong_words(terminal: Terminal, words: list[str], said: str) -> None:
    """Exit code 2 and one line."""
    result = terminal.run("enqueue", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_waiting_in_vain(terminal: Terminal) -> None:
    """Nobody works here."""
    result = terminal.run("enqueue", KIND, QUERY, "--job-id", "j1", "--wait", "--timeout", "0.05")
    assert result.exit_code == 5
    assert "j1 has not ended in time" in result.stderr
    words = ("--file", "-", "--wait", "--timeout", "0.05")
    result = terminal.run("enqueue", KIND, *words, stdin=f"{QUERY}\n{QUERY}")
    assert result.exit_code == 5
    assert "0 completed, 0 dead, 2 not ended in time" in result.stdout
