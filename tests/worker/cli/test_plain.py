"""What commands print where no terminal is, as processes of their own: rows, whole, one a line."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.cli.terminal import KEYS, Terminal
from worker.embedded.service import clean_environ

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[3]
PROGRAM = (sys.executable, "-c", "from worker.cli import main; main()")
WHY = (
    "no server has the model 'llava-of-a-very-long-name-indeed'; " * 6
    + "or leave the job types out"
)
ERROR = "memory_id: Field required; " * 60 + "the end"
SURROUNDINGS = [{}, {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "dumb"}]


def _environ(terminal: Terminal, **more: str) -> dict[str, str]:
    ours = {"PYTHONPATH": str(ROOT), "REDIS_URL": terminal.server.url}
    plain = {k: v for k, v in clean_environ().items() if k not in {"COLUMNS", "FORCE_COLOR"}}
    return plain | ours | more


def _piped(terminal: Terminal, *words: str, **environ: str) -> list[str]:
    """The lines of a command whose output is no terminal."""
    done = subprocess.run(
        [*PROGRAM, *words],
        env=_environ(terminal, **environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    out = done.stdout.decode()
    assert "\x1b" not in out
    return out.splitlines()


def _bury(terminal: Terminal) -> str:
    words = ("job_id", "job-of-a-name", "dead_reason", "invalid_payload", "dead_error", ERROR)
    made = terminal.command("XADD", KEYS.dead, "*", *words, "dead_stream", "llm:text_tag")
    return str(made.decode())


@pytest.mark.parametrize("environ", SURROUNDINGS)
def test_check(terminal: Terminal, environ: dict[str, str]) -> None:
    """One line for each finding; addresses whole."""
    url = f"http://127.0.0.1:1/{'a-long-path/' * 12}the-end"
    lines = _piped(
        terminal, "check", CORE_API_URL=url, LLM_BASE_URL="http://127.0.0.1:1/v1", **environ
    )
    assert lines[0].split() == ["what", "found", "what", "to", "do"]
    assert {line.split()[0] for line in lines[1:]} <= {"ok", "warning", "failed"}
    [core] = [line for line in lines if line.split()[1] == "core"]
    assert "CORE_API_URL" in core


@pytest.mark.parametrize("environ", SURROUNDINGS)
def test_status(terminal: Terminal, environ: dict[str, str]) -> None:
    """A worker is one line with all that it says; so is a hint."""
    _bury(terminal)
    limit = {"provider": "vllm", "role": "text", "limit": 12, "reason": "queue", "in_flight": 9}
    limits = [limit | {"server": f"gpu{number}:8000"} for number in range(3)]
    gates = {"core": WHY, "model": WHY}
    terminal.tell("w1", job_types=["text_tag"], limits=limits, gates=gates)
    lines = _piped(terminal, "status", **environ)
    [worker] = [line for line in lines if line.startswith("w1 ")]
    assert worker.count(WHY) == 2
    assert worker.count("9/12 text gpu") == 3
    hints = [line for line in lines if line.startswith("! ") and WHY in line]
    assert len(hints) == 2
    assert all(line.endswith("llm-worker check") for line in hints)
    [died] = [line for line in lines if line.startswith("invalid_payload ")]
    assert died.endswith("the end")


@pytest.mark.parametrize("environ", SURROUNDINGS)
def test_dead_list(terminal: Terminal, environ: dict[str, str]) -> None:
    """The job's id and the error stand in their letter's line."""
    letter_id = _bury(terminal)
    _, line = _piped(terminal, "dead", "list", **environ)
    assert line.split()[0] == letter_id
    assert line.split()[2:5] == ["text_tag", "invalid_payload", "job-of-a-name"]
    assert line.endswith(ERROR)


def test_on_a_terminal(terminal: Terminal) -> None:
    """It folds at the terminal's width, and a hint that goes on is moved in."""
    terminal.tell("w1", job_types=["text_tag"], gates={"core": WHY})
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        with os.fdopen(theirs, "wb") as output:
            environ = _environ(terminal, COLUMNS="100", TERM="xterm", NO_COLOR="1")
            words = [*PROGRAM, "status"]
            process = subprocess.Popen(words, env=environ, stdout=output)
        seen = b""
        try:
            while chunk := screen.read(65_536):
                seen += chunk
        except OSError:  # how Linux tells that nobody writes there any more
            pass
        assert process.wait() == 0
    lines = [line.rstrip() for line in re.sub(r"\x1b\[\d*m", "", seen.decode()).splitlines()]
    assert max(map(len, lines)) <= 100
    at = next(number for number, line in enumerate(lines) if line.startswith("! "))
    assert lines[at + 1].startswith("  ")
