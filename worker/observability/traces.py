"""Whether there are traces, and what makes them: OpenTelemetry, where it is installed and wanted.

Wanted means: one of the standard `OTEL_EXPORTER_OTLP_*ENDPOINT` variables says where to. Without it
nothing is imported and every job is `UNTRACED`.
"""

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from shared.redis_streams import JobEntry, Keys
from worker.job import Witness

if TYPE_CHECKING:
    from worker.observability.otel import Collector

log = structlog.get_logger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OURS = "http/protobuf"


@dataclass(frozen=True, slots=True)
class Traces:
    """What makes traces, if something does."""

    collector: "Collector | None" = None

    def witness(self, keys: Keys, consumer: str) -> Witness | None:
        """Who makes spans of jobs; None where nobody does."""
        if self.collector is None:
            return None
        from worker.observability.job_traces import JobTraces  # noqa: PLC0415 - needs the extra

        return JobTraces(self.collector, keys, consumer)

    async def close(self) -> None:
        """Send what is left, for a moment."""
        if self.collector is not None:
            await self.collector.close()


def open_traces(instance: str, environ: Mapping[str, str] = os.environ) -> Traces:
    """What the environment asks for; where that cannot be had, a line in the log and no traces."""
    if not wanted(environ):
        return Traces()
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _OURS)
    if protocol != _OURS:
        log.warning("traces_off", why=f"only OTEL_EXPORTER_OTLP_PROTOCOL={_OURS} can be spoken")
        return Traces()
    try:
        from worker.observability.otel import Collector  # noqa: PLC0415 - needs the extra
    except ImportError as error:
        log.warning("traces_off", why=f"pip install 'llm-worker[otel]': {error}")
        return Traces()
    try:
        return Traces(Collector(instance))
    except Exception as error:  # an odd variable: traces are not worth a worker
        log.warning("traces_off", why=f"{type(error).__name__}: {str(error)[:200]}")
        return Traces()


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the standard variables ask for traces."""
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    return not off and exporter == "otlp" and any(environ.get(name) for name in _ENDPOINTS)


@contextmanager
def enqueuing(
    entry: JobEntry, stream: str, traces: Callable[[str], Traces] = open_traces
) -> Generator[JobEntry]:
    """The trace of a job that is being enqueued: the entry with the `traceparent` to send."""
    collector = traces("enqueue").collector
    if collector is None:
        yield entry
        return
    from worker.observability.producing import begin_sending  # noqa: PLC0415 - needs the extra

    span = begin_sending(collector, entry, stream)
    headers = span.headers
    try:
        yield replace(
            entry,
            traceparent=headers.get("traceparent"),
            tracestate=headers.get("tracestate"),
        )
    except BaseException as error:
        span.end(type(error).__name__)
        raise
    else:
        span.end()
    finally:
        collector.close_blocking()
