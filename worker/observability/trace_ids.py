"""Ids of traces and spans that other workers can work out too.

A worker that dies has told nobody which span its try was. So a worker's first span for an entry
has an id that follows from the entry and the worker's name: whoever takes the entry over knows
both, and links to it. In the same way a job without a `traceparent` has one trace, whoever has it.
"""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


def trace_id(stream: str, entry_id: str, job_id: str) -> int:
    """The trace of a job that came without one.

    The job's id is part of it: two installations may have the same stream and entry.
    """
    return _number(16, stream, entry_id, job_id)


def span_id(stream: str, entry_id: str, consumer: str) -> int:
    """A worker's first span for an entry."""
    return _number(8, stream, entry_id, consumer)


def _number(size: int, *parts: str) -> int:
    # With lengths, so that no two lists of parts look alike.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    digest = hashlib.sha256(text.encode(errors="replace")).digest()
    return int.from_bytes(digest[:size]) or 1


class ForetoldIds(RandomIdGenerator):
    """Random ids, but for the next span where they are given."""

    def __init__(self) -> None:
        self._trace: int | None = None
        self._span: int | None = None

    @contextmanager
    def foretold(self, trace: int, span: int | None) -> Generator[None]:
        """In the block a span that begins a trace begins this one, and its own id is `span`.

        Not to be left waiting: it is meant for one call.
        """
        self._trace, self._span = trace, span
        try:
            yield
        finally:
            self._trace = self._span = None

    def generate_trace_id(self) -> int:
        """The given one, or any."""
        return self._trace or super().generate_trace_id()

    def generate_span_id(self) -> int:
        """The given one, or any."""
        return self._span or super().generate_span_id()
