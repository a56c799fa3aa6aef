"""Spans in memory, for tests of what is traced."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from worker.observability.otel import Collector


class Memory:
    """A collector of spans that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.collector = Collector("test", SimpleSpanProcessor(self._exporter))

    @property
    def spans(self) -> list[ReadableSpan]:
        """All of them, in the order in which they ended."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of a name, in the order in which they began."""
        found = [span for span in self.spans if span.name == name]
        return sorted(found, key=lambda span: span.start_time or 0)

    @property
    def texts(self) -> str:
        """Everything that is told of them."""
        return "\n".join(span.to_json() for span in self.spans)


def context(span: ReadableSpan) -> SpanContext:
    """Its ids."""
    found = span.get_span_context()
    assert found is not None
    return found


def parent_id(span: ReadableSpan) -> int | None:
    """The id of the span that it is within."""
    return None if span.parent is None else span.parent.span_id


def said(span: ReadableSpan) -> Mapping[str, Any]:
    """What is told of it."""
    return dict(span.attributes or {})
