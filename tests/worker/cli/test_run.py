"""`llm-worker run` as a process: what it says and how it ends when it cannot start."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from worker.embedded.service import clean_environ

ROOT = Path(__file__).parents[3]
PROGRAM = Path(sys.executable).with_name("llm-worker")
REDIS_SCHEMES = "redis:// or rediss:// or unix:// or redis+sentinel:// or redis+cluster://"
NO_INTEGER = "Input should be a valid integer, unable to parse string as an integer"
pytestmark = pytest.mark.process


def _run(folder: Path, *command: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environ = clean_environ() | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environ | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "command", [(str(PROGRAM), "run"), (sys.executable, "-m", "worker")], ids=["script", "module"]
)
def test_wrong_settings_stop_the_start(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Exit code 2; every variable with its value and what is allowed; no traceback, no secret."""
    settings = {
        "WORKER_CONCURRENCY": "many",
        "REDIS_URL": "http://:hunter2@redis",
        "LLM_API_KEY": "hunter2\x1b",
        "LOG_LEVEL": "\x1b[2J",
    }
    done = _run(tmp_path, *command, **settings)
    assert (done.returncode, done.stdout) == (2, "")
    head, *lines = done.stderr.splitlines()
    assert head == "llm-worker: these settings cannot work:"
    assert lines == [
        "  LLM_API_KEY: goes into an HTTP header: only printable ASCII characters are allowed",
        f"  REDIS_URL='…@redis': must be a URL that begins with {REDIS_SCHEMES} and names a host",
        f"  WORKER_CONCURRENCY='many': {NO_INTEGER}",
        "  LOG_LEVEL='\\x1b[2j': Input should be 'debug', 'info', 'warning' or 'error'",
    ]


def test_the_file_is_read_and_wrong_there_too(tmp_path: Path) -> None:
    """`.env` in the folder it is started in."""
    (tmp_path / ".env").write_text("WORKER_LEASE_S=0\n")
    done = _run(tmp_path, sys.executable, "-m", "worker")
    assert done.returncode == 2
    assert "WORKER_LEASE_S='0': Input should be greater than or equal to 1" in done.stderr


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_taken_health_port_is_a_sentence(tmp_path: Path, processes: str) -> None:
    """Exit code 2 and the setting to change; the same from a parent, which has started nobody."""
    command = (sys.executable, "-m", "worker", "--processes", processes)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = _run(tmp_path, *command, WORKER_HEALTH_PORT=port)
    assert done.returncode == 2
    assert f"is WORKER_HEALTH_PORT={port} taken?" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_processes_is_no_worker(tmp_path: Path) -> None:
    """The option is the setting's value, with the setting's bounds."""
    done = _run(tmp_path, str(PROGRAM), "run", "--processes", "0", WORKER_PROCESSES="2")
    assert done.returncode == 2
    assert "WORKER_PROCESSES=0: Input should be greater than or equal to 1" in done.stderr


def test_what_is_wrong_is_said_once_for_all_processes(tmp_path: Path) -> None:
    """A file that a setting names cannot be read: none is started to find that out again."""
    settings = {"WORKER_PROCESSES": "4", "TAG_VOCABULARY_FILE": str(tmp_path / "none")}
    done = _run(tmp_path, sys.executable, "-m", "worker", **settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("TAG_VOCABULARY_FILE") == 1


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((sys.executable, "-m", "worker", "--help"), "Run the daemon until SIGTERM"),
        ((str(PROGRAM), "run", "--help"), "--processes"),
        ((str(PROGRAM), "--help"), "enqueue"),
        ((str(PROGRAM), "enqueue", "--help"), "intent_classify"),
        ((str(PROGRAM), "check", "-h"), "image folder"),
        ((str(PROGRAM), "demo", "-h"), "--stay"),
    ],
)
def test_help_is_there(tmp_path: Path, command: tuple[str, ...], said: str) -> None:
    """For every command, with exit code 0, whatever the settings are."""
    done = _run(tmp_path, *command, LOG_LEVEL="wrong")
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout


def test_an_unknown_command_is_exit_code_2(tmp_path: Path) -> None:
    """With what is known instead."""
    done = _run(tmp_path, str(PROGRAM), "walk")
    assert done.returncode == 2
    assert "No such command 'walk'" in done.stderr
