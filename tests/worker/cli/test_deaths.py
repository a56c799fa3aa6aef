"""`llm-worker dead list --by-reason`: what died of what."""

import json

from tests.worker.cli.terminal import KEYS, Terminal

EVIL = "\x1b[2J[red]x\nnext"


def _bury(terminal: Terminal, reason: str, error: str, job_type: str = "text_tag") -> None:
    words = ("job_id", "j1", "dead_reason", reason, "dead_error", error)
    terminal.command("XADD", KEYS.dead, "*", *words, "dead_stream", f"llm:{job_type}")


def test_one_row_for_all_that_died_of_the_same(terminal: Terminal) -> None:
    """The most frequent first, with the newest one's words; filters hold."""
    for error in ("old", EVIL):
        _bury(terminal, "bug", error)
    _bury(terminal, "expired", "late", "document")
    result = terminal.run("dead", "list", "--by-reason")
    assert result.exit_code == 0
    _, bugs, expired = result.stdout.splitlines()
    assert bugs.split()[:5] == ["bug", "-", "text_tag", "2", "2"]
    assert bugs.rstrip().endswith(r"\x1b[2J[red]x\nnext")
    assert expired.split()[:3] == ["expired", "-", "document"]
    assert result.stderr == "3 dead letters\n"
    result = terminal.run("dead", "list", "--by-reason", "--type", "document", "--json")
    [line] = result.stdout.splitlines()
    assert json.loads(line)["count"] == 1


def test_no_letters(terminal: Terminal) -> None:
    """Nothing to show is no error."""
    result = terminal.run("dead", "list", "--by-reason")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "0 dead letters\n")
