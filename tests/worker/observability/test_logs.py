"""Lines for people on a terminal, JSON for everything else, and no private word in either."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.chaos.log_lines import says
from worker.config import LogFormat, LogLevel
from worker.observability.logs import configure


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        """Colours are welcome."""
        return True


class Writes(io.StringIO):
    """A stream that keeps each write by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def write(self, s: str) -> int:
        """One system call, where nothing is buffered."""
        self.texts.append(s)
        return len(s)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """The root logger and structlog are the process's: leave them as they were found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _fail() -> None:
    password = "hunter2"
    raise ValueError(f"{len(password)} characters are too few")


def test_json_where_nobody_watches() -> None:
    """One object a line: what happened, how bad it is, when (UTC), and the fields as they are."""
    stream = io.StringIO()
    configure(LogLevel.INFO, LogFormat.AUTO, stream)
    structlog.get_logger().info("job_done", job_id="größe", wait_ms=5)
    [line] = _lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "job_done", "level": "info", "job_id": "größe", "wait_ms": 5}
    assert "größe" in stream.getvalue()


def test_colours_on_a_terminal() -> None:
    """A person reads along."""
    stream = Terminal()
    configure(LogLevel.INFO, LogFormat.AUTO, stream)
    structlog.get_logger().info("job_done", job_id="7f3")
    assert "\x1b[" in stream.getvalue()
    assert "job_done" in stream.getvalue()


@pytest.mark.parametrize(
    ("log_format", "stream", "is_json"),
    [
        (LogFormat.JSON, Terminal(), True),
        (LogFormat.CONSOLE, io.StringIO(), False),
    ],
)
def test_the_format_can_be_chosen(
    log_format: LogFormat, stream: io.StringIO, is_json: bool
) -> None:
    """JSON on a terminal, plain text in a file; never colours where no terminal is."""
    configure(LogLevel.INFO, log_format, stream)
    structlog.get_logger().info("job_done")
    assert stream.getvalue().startswith("{") == is_json
    assert "\x1b[" not in stream.getvalue()


@pytest.mark.parametrize(
    ("level", "written"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning", "error"]),
        (LogLevel.INFO, ["info", "warning", "error"]),
        (LogLevel.WARNING, ["warning", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_the_level_is_the_least_that_is_written(level: LogLevel, written: list[str]) -> None:
    """What lies below costs nothing and says nothing."""
    stream = io.StringIO()
    configure(level, LogFormat.JSON, stream)
    log = structlog.get_logger()
    for name in LogLevel:
        getattr(log, name)("x")
    assert [line["level"] for line in _lines(stream)] == written


@pytest.mark.parametrize(
    ("log_format", "stream"),
    [
        (LogFormat.JSON, io.StringIO()),
        (LogFormat.CONSOLE, io.StringIO()),
        (LogFormat.CONSOLE, Terminal()),
    ],
)
@pytest.mark.parametrize("through", ["structlog", "logging"])
def test_a_traceback_shows_places_and_no_locals(
    log_format: LogFormat, stream: io.StringIO, through: str
) -> None:
    """Locals hold payloads and keys."""
    configure(LogLevel.INFO, log_format, stream)
    log: Any = structlog.get_logger() if through == "structlog" else logging.getLogger("lib")
    try:
        _fail()
    except ValueError:
        log.exception("crashed")
    text = stream.getvalue()
    assert "ValueError" in text
    assert "_fail" in text
    assert "7 characters are too few" in text
    assert "hunter2" not in text.replace('password = "hunter2"', "")  # the source line itself


def test_a_librarys_line_looks_like_ours() -> None:
    """From warnings on; below that libraries only chatter."""
    stream = io.StringIO()
    configure(LogLevel.DEBUG, LogFormat.JSON, stream)
    log = logging.getLogger("some.library")
    log.info("connected to %s", "x")
    log.warning("lost %s", "x", extra={"ignored": 1})
    [line] = _lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "lost x", "level": "warning"}


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_a_value_cannot_forge_a_line(log_format: LogFormat) -> None:
    """Line breaks and control sequences in a field stay inside its line, as escapes."""
    stream = io.StringIO()
    configure(LogLevel.INFO, log_format, stream)
    structlog.get_logger().info("x", why='a b\n{"event":"forged"}\x1b[2J')
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_configuring_again_replaces_what_was() -> None:
    """A library's line is not written twice."""
    first, second = io.StringIO(), io.StringIO()
    configure(LogLevel.INFO, LogFormat.JSON, first)
    configure(LogLevel.INFO, LogFormat.JSON, second)
    logging.getLogger("lib").error("x")
    structlog.get_logger().error("y")
    assert [line["event"] for line in _lines(second)] == ["x", "y"]
    assert first.getvalue() == ""


@pytest.mark.parametrize("through", ["structlog", "logging"])
def test_one_of_several_processes_says_which(through: str) -> None:
    """Their lines are in one stream; a line is one write, so none gets into another's."""
    stream = Writes()
    configure(LogLevel.INFO, LogFormat.JSON, stream, process=3)
    log: Any = structlog.get_logger() if through == "structlog" else logging.getLogger("lib")
    log.error("x")
    [text] = stream.texts
    assert text.endswith("}\n")
    assert json.loads(text)["process"] == 3


def test_a_line_is_found_by_what_it_says() -> None:
    """The chaos run reads logs this way: else no error in one would ever be seen."""
    stream = io.StringIO()
    configure(LogLevel.INFO, LogFormat.JSON, stream)
    structlog.get_logger("any").error("worker_bug", consumer="me")
    line = stream.getvalue()
    assert says(line, "event", "worker_bug")
    assert says(line, "level", "error")
    assert not says(line, "event", "worker")
