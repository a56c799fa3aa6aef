"""`llm-worker status`, `workers` and `top`: plain where no terminal is, and harmless anywhere."""

import json

import pytest

from tests.worker.cli.terminal import KEYS, Terminal
from worker.cli.top import Screen, split_keys

EVIL = "\x1b[2J[red]evil[/]\nnext"


def test_an_empty_redis(terminal: Terminal) -> None:
    """Every stream in a row, and that nobody works."""
    result = terminal.run("status")
    assert result.exit_code == 0
    assert "text_tag" in result.stdout
    assert "! no worker runs" in result.stdout
    assert "llm-worker run" in result.stdout


def test_streams_workers_and_letters(terminal: Terminal) -> None:
    """In one picture; what others have written steers nothing."""
    for number in range(3):
        terminal.add(f"j{number}")
    limit = {"provider": "vllm", "server": "gpu:8000", "role": "text", "limit": 12}
    terminal.tell(
        f"w{EVIL}",
        job_types=["text_tag"],
        ended={"text_tag": [90, 0]},
        slots=4,
        slots_max=64,
        held=1_234,
        limits=[limit | {"reason": "queue", "in_flight": 9}],
        gates={"core": EVIL},
        servers=[{"provider": "vllm", "server": "gpu:8000", "breaker": "open"}],
    )
    dead = ("dead_reason", "bug", "dead_error", EVIL, "dead_stream", f"llm:{EVIL}")
    terminal.command("XADD", KEYS.dead, "*", *dead)
    out = terminal.run("status").stdout
    [row] = [line for line in out.splitlines() if line.strip().startswith("text_tag")]
    assert row.split()[:2] == ["text_tag", "3"]
    assert row.split()[-3:] == ["90", "stands", "still"]
    assert r"w\x1b[2J[red]evil[/]\nnext" in out
    assert "9/12 text gpu:8000: queue" in out
    assert "1,234" in out
    assert "gpu:8000: breaker open" in out
    assert "Core is away for" in out
    assert "1 dead letter\n" in out
    assert "\x1b" not in out


def test_why_a_worker_halted_stands_in_its_row(terminal: Terminal) -> None:
    """Each has its own; what it says steers nothing."""
    for number in range(2):
        terminal.tell(f"w{number}", host="gpu1", pid=number, halted=f"bad key {number} {EVIL}")
    out = terminal.run("status").stdout
    rows = [line for line in out.splitlines() if line.startswith(("w0", "w1"))]
    assert len(rows) == 2
    for number, row in enumerate(rows):
        assert " halted " in row
        assert f": bad key {number} " + r"\x1b[2J[red]evil[/]\nnext" in row
    assert "llm-worker run" not in out
    assert "\x1b" not in out
    out = terminal.run("workers").stdout
    assert out.count("bad key") == 2


def test_halts_of_a_restart_loop_are_one_row(terminal: Terminal) -> None:
    """And no workers: each start has a new process id, and so a row of its own."""
    for number in range(8):
        terminal.tell(f"w{number}", host="gpu1", pid=number, halted="bad key", halted_at=number)
    out = terminal.run("status").stdout
    assert out.count("halted at least 8 times") == 1
    assert "! no worker runs: at least 8 halts on gpu1" in out
    terminal.tell("x", host="gpu2")
    result = terminal.run("workers")
    assert result.stdout.count("bad key") == 1
    assert result.stderr == "1 worker, 8 halts\n"
    terminal.tell("y", host="gpu1")  # started after them
    assert "halt" not in terminal.run("status").stdout
    assert terminal.run("workers").stderr == "2 workers\n"


def test_json_for_programs(terminal: Terminal) -> None:
    """All of it, in one line."""
    terminal.add("j1")
    terminal.tell("w1", job_types=["text_tag"])
    found = terminal.json("status")
    [text] = [stream for stream in found["streams"] if stream["job_type"] == "text_tag"]
    assert (text["waiting"], text["in_flight"]) == (1, 0)
    assert found["workers"][0]["name"] == "w1"
    assert found["workers"][0]["facts"]["job_types"] == ["text_tag"]
    assert found["hints"] == []
    [worker] = terminal.json("workers")
    assert worker["silent"] is False


def test_workers_one_by_one(terminal: Terminal) -> None:
    """What it is, what it has in hand, what has ended."""
    terminal.tell(
        "w1",
        host="gpu1",
        pid=7,
        job_types=["text_tag", "document"],
        held=3,
        held_max=100,
        stages={"text_tag": {"infer": 2, "parked": 1}},
        ended={"text_tag": [5, 1]},
    )
    result = terminal.run("workers")
    out = " ".join(result.stdout.split())
    assert "process 7 on gpu1, version ?" in out
    assert "takes text_tag, document" in out
    assert "in hand 3/100 (text_tag: 2 infer, 1 parked)" in out
    assert "last minute text_tag: 5, 1 dead" in out
    assert result.stderr == "1 worker\n"


def test_more_than_a_limit_that_was_lowered(terminal: Terminal) -> None:
    """It explains itself, in the same words everywhere."""
    limit = {"provider": "vllm", "server": "gpu:8000", "role": "text", "limit": 9}
    limits = [limit | {"reason": "queue", "in_flight": 16}]
    terminal.tell("w1", slots=16, slots_max=9, limits=limits, held=1_016, held_max=1_009)
    status = terminal.run("status").stdout
    assert "16 (limit 9) text gpu:8000: queue" in status
    assert status.count("16 (limit 9)") == 2
    workers = terminal.run("workers").stdout
    assert workers.count("16 (limit 9)") == 2
    assert "1,016 (limit 1,009)" in workers
    assert terminal.run("top", "-n", "1").stdout.count("16 (limit 9)") == 2


def test_top_without_a_terminal(terminal: Terminal) -> None:
    """One look after the other, as text or as JSON lines."""
    result = terminal.run("top", "-n", "2", "--every", "0.2")
    assert result.exit_code == 0
    assert result.stdout.count("no worker runs") == 2
    lines = terminal.run("top", "-n", "2", "--every", "0.2", "--json").stdout.splitlines()
    assert [json.loads(line)["workers"] for line in lines] == [[], []]


def test_keys_of_top() -> None:
    """Arrows choose, as far as there are streams; p and r do something, q ends it."""
    screen = Screen(["a", "b"])
    assert [screen.press(key) for key in ("\x1b[A", "\x1b[B", "j", "x")] == [""] * 4
    assert screen.job_type == "b"
    assert screen.press("p") == "pause"
    assert screen.press("r") == "resume"
    assert screen.press("k") == ""
    assert screen.job_type == "a"
    screen.press("q")
    assert screen.done
    assert split_keys("\x1b[Bp\x1bOAq\n") == ["\x1b[B", "p", "\x1bOA", "q", "\n"]


@pytest.mark.parametrize("words", [["status"], ["workers"], ["top"], ["job", "j1"], ["pause"]])
def test_an_absent_redis_is_one_line(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Exit code 1, and no password."""
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:1")
    result = terminal.run(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("llm-worker: cannot reach Redis at REDIS_URL (127.0.0.1:1): ")
    assert result.stderr.count("\n") == 1
    assert "hunter2" not in result.stderr


def test_what_redis_refuses_is_one_line(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user without the rights, a wrong password, a key of another type."""
    terminal.command("SET", KEYS.workers, "x")
    result = terminal.run("status")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("llm-worker: Redis refuses this: ")
    monkeypatch.setenv("REDIS_URL", terminal.server.url.replace("//", "//nobody:x@"))
    result = terminal.run("status")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
