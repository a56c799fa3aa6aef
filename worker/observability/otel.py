"""Spans as OpenTelemetry has them: how they begin, what is said of them, where they go.

With `job_traces` and `trace_ids` the only files that need the extra `otel`.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Unpack

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from worker.observability import trace_names as names
from worker.observability.trace_ids import ForetoldIds
from worker.tracing import Said, Span, Step

log = structlog.get_logger(__name__)

FLUSH_S = 2.0
"""What the last spans may take to reach the collector when the worker stops."""
_SAID_AGAIN_S = 600.0
_PROPAGATOR = TraceContextTextMapPropagator()


class TracedSpan:
    """A span that is told to a collector, or at least to the servers that are asked within it."""

    def __init__(self, tracer: Tracer, span: OtelSpan) -> None:
        self._tracer = tracer
        self.otel = span
        self._headers: dict[str, str] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """As `Span` says: `traceparent`, and `tracestate` where there is one."""
        if self._headers is None:
            self._headers = {}
            _PROPAGATOR.inject(self._headers, context=self.context)
        return self._headers

    @property
    def context(self) -> Context:
        """For spans within this one."""
        return set_span_in_context(self.otel, Context())

    def step(self, step: Step, **said: Unpack[Said]) -> Span:
        """As `Span` says; within a span that nobody records there are no others."""
        if not self.otel.is_recording():
            return self
        name = "chat" if step is Step.QUESTION else f"{said.get('method')} {said.get('route')}"
        attributes: dict[str, AttributeValue] = dict(names.CHAT) if step is Step.QUESTION else {}
        span = self._tracer.start_span(name, self.context, SpanKind.CLIENT, attributes)
        made = TracedSpan(self._tracer, span)
        made.say(**said)
        return made

    def say(self, **said: Unpack[Said]) -> None:
        """As `Span` says."""
        if not self.otel.is_recording():
            return
        for word, value in said.items():
            self.otel.set_attribute(names.OF_WORDS[word], _as_standard(word, value))
        if "model" in said:
            self.otel.update_name(f"chat {said['model']}")

    def end(self, error: str = "") -> None:
        """As `Span` says."""
        if error:
            self.otel.set_attribute(names.ERROR, error)
            self.otel.set_status(StatusCode.ERROR)
        self.otel.end()


def _as_standard(word: str, value: object) -> AttributeValue:
    if word == "finish_reason":
        return [str(value)]  # one for each choice, of which we ask for one
    if word == "provider":
        return names.PROVIDERS.get(str(value), str(value))
    return value if isinstance(value, int) else str(value)


class Collector:
    """Where spans come from and where they go.

    Args:
        instance: this process among others of its service.
        processor: takes the ended spans; by default in batches to where `OTEL_EXPORTER_OTLP_*` say.
    """

    def __init__(self, instance: str, processor: SpanProcessor | None = None) -> None:
        _say_seldom()
        self.ids = ForetoldIds()
        own = {names.INSTANCE: instance}
        if not os.environ.get("OTEL_SERVICE_NAME"):
            own[names.SERVICE] = names.TRACER
        self._provider = TracerProvider(
            resource=Resource.create(dict(own)), id_generator=self.ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer = self._provider.get_tracer(names.TRACER, schema_url=names.SCHEMA_URL)

    def begin(
        self,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, AttributeValue],
        parent: Context,
        links: tuple[Link, ...] = (),
    ) -> TracedSpan:
        """Begin a span; `parent` may be empty."""
        span = self.tracer.start_span(name, parent, kind, dict(attributes), links)
        return TracedSpan(self.tracer, span)

    async def close(self) -> None:
        """Send what is left, and give up after `FLUSH_S`: nobody waits for a collector."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed: we were given up
                loop.call_soon_threadsafe(sent.set)

        self._shut_aside(tell)
        try:
            async with asyncio.timeout(FLUSH_S):
                await sent.wait()
        except TimeoutError:
            log.warning("traces_left_unsent", waited_s=FLUSH_S)

    def close_blocking(self) -> None:
        """The same for a command that has no event loop."""
        self._shut_aside(lambda: None).join(FLUSH_S)

    def _shut_aside(self, then: Callable[[], None]) -> threading.Thread:
        """In a thread that the end of the process does not wait for: the SDK may take 30 s."""

        def shut() -> None:
            self._provider.shutdown()
            then()

        thread = threading.Thread(target=shut, name="traces-close", daemon=True)
        thread.start()
        return thread


def parent_of(traceparent: str | None, tracestate: str | None) -> Context:
    """The producer's span, as its job's fields tell it; empty where they tell nothing usable."""
    carrier = {"traceparent": traceparent or "", "tracestate": tracestate or ""}
    return _PROPAGATOR.extract(carrier, Context())


class _Seldom(logging.Handler):
    """Says what the SDK has to say in a line of ours, and the same not again for a while.

    A collector that is away would otherwise fill the log, with several lines for each batch.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Say it, unless it was said a moment ago."""
        now, text = time.monotonic(), str(record.msg)
        if now - self._said.get(text, -_SAID_AGAIN_S) >= _SAID_AGAIN_S:
            self._said[text] = now
            log.warning("traces_trouble", said=record.getMessage()[:300])


def _say_seldom() -> None:
    logger = logging.getLogger("opentelemetry")
    if not any(isinstance(handler, _Seldom) for handler in logger.handlers):
        logger.addHandler(_Seldom())
        logger.propagate = False
