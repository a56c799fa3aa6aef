"""What a command says that could not be done at Redis: what is wrong, what mends it, what next."""

import socket

import pytest
from redis import exceptions

from tests.worker.cli.terminal import Terminal
from worker.cli.redis_trouble import trouble
from worker.queue.redis_connections import NotNow

QUERY = '{"query":"when do I fly?"}'
NEXT = "; next: llm-worker check\n"


def _under_way(cause: OSError) -> exceptions.ConnectionError:
    """As redis-py tells of it: by number, and with the system's error under way."""
    error = exceptions.ConnectionError(f"Error {cause.errno} connecting to r:6379. {cause}")
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "found", "fix"),
    [
        (_under_way(ConnectionRefusedError(111, "x")), "connection refused", "start Redis, or"),
        (_under_way(socket.gaierror(-2, "x")), "no address is found for this name", "start Redis"),
        (
            TimeoutError("no answer within 5 s"),
            "(r:6379): no answer within 5 s",
            "start Redis",
        ),
        (
            exceptions.ConnectionError("no Sentinel\nx"),
            "(r:6379): no Sentinel",
            "start Redis",
        ),
        (exceptions.ConnectionError(), "(r:6379): ConnectionError", "start Redis"),
        (exceptions.BusyLoadingError("x"), "reading its files", "wait"),
        (exceptions.AuthenticationError("x"), "Redis refuses this: ", "correct the login"),
        (exceptions.NoPermissionError("x"), "Redis refuses this: ", "rights of its user"),
        (exceptions.ReadOnlyError("x"), "takes no writes: READONLY", "this is a replica"),
        (exceptions.OutOfMemoryError("x"), "takes no writes: OOM", "raise maxmemory"),
        (NotNow("MISCONF x"), "takes no writes: MISCONF", "make room on its disk"),
        (exceptions.ResponseError("WRONGTYPE x"), "Redis refuses this: ", "docs/redis.md"),
    ],
)
def test_what_an_error_tells(error: exceptions.RedisError | OSError, found: str, fix: str) -> None:
    """Each by itself, as something else mends it."""
    said, mend = trouble(error, "redis://:hunter2@r:6379/3")
    assert found in said
    assert fix in mend
    assert "\n" not in said + mend
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "words",
    [
        ("enqueue", "intent_classify", QUERY),
        ("enqueue", "intent_classify", "--file", "-"),
        ("dead", "replay", "--all"),
    ],
)
def test_a_full_redis(terminal: Terminal, words: tuple[str, ...]) -> None:
    """How full it is, as `status` says it, and not the library's class."""
    terminal.command("XADD", "llm:dead", "*", "job_id", "j1", "dead_stream", "llm:text_tag")
    terminal.command("CONFIG", "SET", "maxmemory", "1")
    try:
        result = terminal.run(*words, stdin=QUERY)
    finally:
        terminal.command("CONFIG", "SET", "maxmemory", "0")
    assert result.exit_code == 1
    assert "Redis takes no writes: it is full: used " in result.stderr
    assert " of maxmemory 1B; raise maxmemory or free memory; " in result.stderr
    assert result.stderr.endswith(NEXT)
    assert "OutOfMemoryError" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        *(("status",), ("pause", "text_tag"), ("resume", "text_tag"), ("cancel", "j1")),
        *(("dead", "list"), ("job", "j1"), ("enqueue", "intent_classify", QUERY)),
    ],
)
def test_a_redis_that_is_gone(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """In one sentence, without the numbers of the system."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    result = terminal.run(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "llm-worker: cannot reach Redis at REDIS_URL (127.0.0.1:1): connection refused; "
        f"start Redis, or correct REDIS_URL{NEXT}"
    )
