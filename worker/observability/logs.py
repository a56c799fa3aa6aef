"""Log lines: colours on a terminal, JSON elsewhere. Never a payload, never a key."""

import json
import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, TextIO

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict

from worker.log_choices import LogFormat, LogLevel

# Without the locals: they hold payloads.
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure(
    level: LogLevel,
    log_format: LogFormat,
    stream: TextIO = sys.stdout,
    *,
    process: int | None = None,
) -> None:
    """Set structlog up for the process; libraries' loggers speak through it from warnings on.

    Args:
        level: the least important line of ours that is written.
        log_format: how lines look.
        stream: where they go.
        process: which of several on this stream; each line says so.
    """
    as_json = log_format is LogFormat.JSON or (log_format is LogFormat.AUTO and not stream.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([] if process is None else [partial(_of_process, process)]),
    ]
    structlog.configure(
        processors=[*shared, *_last(stream, as_json=as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        # A line and its end in one write: printing makes two of it where nothing is buffered
        # (PYTHONUNBUFFERED), and between them another process's line gets in.
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_last(stream, as_json=as_json),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _of_process(number: int, _logger: object, _method: str, line: EventDict) -> EventDict:
    return {"process": number, **line}


def _last(stream: TextIO, *, as_json: bool) -> list[Any]:
    if as_json:
        return [
            structlog.processors.ExceptionRenderer(_TRACEBACK),
            structlog.processors.JSONRenderer(_json),
        ]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]


def _json(event: dict[str, Any], *, default: Callable[[Any], Any]) -> str:
    """A line as JSON: a seventh of what the standard library's encoder takes."""
    try:
        return to_json(event, fallback=default).decode()
    except (ValueError, UnicodeError):  # half a character, say, in what a server has answered
        return json.dumps(event, default=default)
