"""The span of a job that is being enqueued: where its trace begins."""

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from shared.redis_streams import JobEntry
from worker.observability import trace_names as names
from worker.observability.otel import Collector, TracedSpan, parent_of


def begin_sending(collector: Collector, entry: JobEntry, stream: str) -> TracedSpan:
    """Begin it, within the trace that the entry names already, if it does."""
    parent = parent_of(entry.traceparent, entry.tracestate) if entry.traceparent else Context()
    attributes = {
        names.SYSTEM: names.REDIS,
        names.OPERATION_NAME: "send",
        names.OPERATION_TYPE: "send",
        names.DESTINATION: stream,
        names.JOB_ID: entry.job_id,
    }
    return collector.begin(f"send {stream}", SpanKind.PRODUCER, attributes, parent)
