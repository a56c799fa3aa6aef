"""`llm-worker pause` and `resume`: what stands in Redis then, and what is refused."""

import json

import pytest

from tests.worker.cli.terminal import KEYS, Terminal


def test_paused_listed_and_resumed(terminal: Terminal) -> None:
    """With who did it and why; twice is no mistake."""
    result = terminal.run("pause", "text_tag", "document", "--why", "GPU at work")
    assert result.stdout == "text_tag paused\ndocument paused\n"
    assert terminal.run("pause", "text_tag").stdout == "text_tag was paused already\n"
    note = json.loads(terminal.command("HGET", KEYS.paused, "type:text_tag"))
    assert note["why"] == "GPU at work"
    listed = terminal.run("pause").stdout
    assert "text_tag paused by " in listed
    assert listed.count(": GPU at work\n") == 2
    assert "text_tag is paused by" in terminal.run("status").stdout
    result = terminal.run("resume", "text_tag", "extract")
    assert result.stdout == "text_tag resumed\nextract was not paused\n"
    assert terminal.run("resume", "--all").stdout == "document resumed\n"
    assert terminal.run("resume", "--all").stdout == "nothing was paused\n"
    assert terminal.run("pause").stderr == "nothing is paused\n"


def test_tenants(terminal: Terminal) -> None:
    """Under their own names, whatever those are."""
    assert terminal.run("pause", "--tenant", "a\x1b[2Jb").stdout == "tenant a\\x1b[2Jb paused\n"
    assert terminal.json("pause").keys() == {"tenant:a\x1b[2Jb"}
    assert "\x1b" not in terminal.run("pause").stdout
    assert "\x1b" not in terminal.run("status").stdout
    assert terminal.json("resume", "--tenant", "a\x1b[2Jb") == {"resumed": ["tenant:a\x1b[2Jb"]}


def test_workers_that_do_not_heed_it_are_named(terminal: Terminal) -> None:
    """An older version goes on: better said than found out."""
    terminal.tell("old\x1b[2J", heeds=["type"])
    terminal.tell("new", heeds=["type", "tenant"])
    assert terminal.run("pause", "text_tag").stderr == ""
    said = "llm-worker: 1 workers do not heed this: old\\x1b[2J\n"
    assert terminal.run("pause", "--tenant", "acme").stderr == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pause", "paint"], "'paint' is no job type; there are image_tag,"),
        (["resume", "\x1b[2J"], r"'\x1b[2J' is no job type"),
        (["resume"], "name job types or tenants, or say --all"),
        (["pause", "--tenant", " "], "a tenant's name has 1 to 200 characters"),
        (["pause", "--tenant", "x" * 201], "a tenant's name has 1 to 200 characters"),
    ],
)
def test_what_is_wrong_is_said(terminal: Terminal, words: list[str], said: str) -> None:
    """Exit code 2, one line, and nothing is paused."""
    result = terminal.run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert terminal.command("EXISTS", KEYS.paused) == 0
