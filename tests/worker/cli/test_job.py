"""`llm-worker job` and `cancel`: found or not found, told in words, never executed."""

from tests.worker.cli.terminal import KEYS, Terminal

EVIL = "\x1b[2J[red]x"


def test_a_job_that_waits_and_one_that_died(terminal: Terminal) -> None:
    """Where it is; why it died, and how to try again."""
    entry_id = terminal.add("j1", payload='{"content":"my diary"}')
    result = terminal.run("job", "j1")
    assert result.exit_code == 0
    assert f"text_tag, entry {entry_id}" in result.stdout
    assert "waiting" in result.stdout
    assert "diary" not in result.stdout
    dead = ("job_id", "j2", "dead_reason", "bug", "dead_error", EVIL)
    letter_id = terminal.command("XADD", KEYS.dead, "*", *dead).decode()
    out = terminal.run("job", "j2").stdout
    assert f"llm-worker dead replay {letter_id}" in out
    assert r"\x1b[2J[red]x" in out
    assert "\x1b" not in out


def test_why_it_waits(terminal: Terminal) -> None:
    """In one line; what others have written steers nothing."""
    terminal.add("j1")
    assert "waits because no worker runs" in " ".join(terminal.run("job", "j1").stdout.split())
    terminal.tell("w1", job_types=["text_tag"], gates={"model": f"503 {EVIL}"})
    said = r"no worker takes text_tag now: w1 finds the model away: 503 \x1b[2J[red]x"
    assert said in terminal.run("job", "j1").stdout
    assert terminal.run("pause", "text_tag", "--why", "GPU at work").exit_code == 0
    assert " text_tag is paused by " in terminal.run("job", "j1").stdout
    [chapter] = terminal.json("job", "j1")["story"]["chapters"]
    assert chapter["waits_because"].endswith("(GPU at work)")


def test_json_for_programs(terminal: Terminal) -> None:
    """The state in one word, and everything that was found."""
    terminal.add("j1")
    found = terminal.json("job", "j1")
    assert found["state"] == "waiting"
    assert found["story"]["chapters"][0]["entry"]["job_type"] == "text_tag"


def test_an_unknown_job(terminal: Terminal) -> None:
    """Exit code 1, and how far was looked."""
    terminal.add("j1")
    result = terminal.run("job", EVIL)
    assert (result.exit_code, result.stdout) == (1, "")
    said = r"there is no job '\x1b[2J[red]x' among 1 entries, letters and events"
    assert said in result.stderr


def test_cancelled(terminal: Terminal) -> None:
    """The mark stands in Redis; what cannot be cancelled is said, by exit code, too."""
    terminal.add("j1")
    result = terminal.run("cancel", "j1")
    said = "j1 is cancelled: it waits on text_tag, and ends when its turn comes\n"
    assert (result.exit_code, result.stdout) == (0, said)
    assert terminal.command("ZRANGE", KEYS.cancelled, 0, -1) == [b"j1"]
    assert "cancelled" in terminal.run("job", "j1").stdout
    result = terminal.run("cancel", "j1", "j9")
    assert result.exit_code == 1
    assert "j9 is unknown: 1 places looked at" in result.stdout
    [first, second] = terminal.run("cancel", "j1", "j9", "--json").stdout.split("}, {")
    assert '"waiting"' in first
    assert '"unknown"' in second


def test_cancelled_and_waited_for(terminal: Terminal) -> None:
    """Nobody works here: it does not end in time."""
    terminal.add("j1")
    assert terminal.run("cancel", "j1", "--wait", "--timeout", "0.05").exit_code == 5
