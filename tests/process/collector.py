"""A collector of traces for tests: OTLP over HTTP, read with the protocol's own definitions."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Received:
    """A span as it came over the wire; ids in hex."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    links: tuple[str, ...]
    said: dict[str, Any]


class OtlpCollector:
    """Takes what is sent to `/v1/traces`."""

    def __init__(self) -> None:
        self.spans: list[Received] = []

    async def handle(self, request: web.Request) -> web.Response:
        """Read a batch."""
        assert (request.path, request.content_type) == ("/v1/traces", "application/x-protobuf")
        batch: Any = ExportTraceServiceRequest()
        batch.ParseFromString(await request.read())
        for resource in batch.resource_spans:
            service = _said(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += (_received(service, span) for span in scope.spans)
        return web.Response(body=b"", content_type="application/x-protobuf")

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[str]:
        """Its address, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it."""
        app = web.Application()
        app.router.add_post("/{path:.*}", self.handle)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")

    def named(self, name: str) -> list[Received]:
        """The spans of a name."""
        return [span for span in self.spans if span.name == name]


def _received(service: str, span: Any) -> Received:
    return Received(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        tuple(link.span_id.hex() for link in span.links),
        _said(span.attributes),
    )


def _said(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
