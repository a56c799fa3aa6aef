"""What the SDK may not do to a worker: hold up its end, or fill its log."""

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import SpanProcessor
from structlog.testing import capture_logs

from tests.tracing import Memory
from worker.observability import otel
from worker.observability.otel import Collector

LOGGER = logging.getLogger("opentelemetry.some.part")


@pytest.fixture(autouse=True)
def _fresh_logger() -> Iterator[None]:
    """As in a new process."""
    root = logging.getLogger("opentelemetry")
    before, propagated = root.handlers[:], root.propagate
    root.handlers.clear()
    yield
    root.handlers[:], root.propagate = before, propagated


class Hanging(SpanProcessor):
    """Never done with its last spans, until a test lets it."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def shutdown(self) -> None:
        """Wait."""
        self.let_go.wait()


async def test_the_end_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that takes for ever is left alone, with a line in the log."""
    monkeypatch.setattr(otel, "FLUSH_S", 0.05)
    hanging = Hanging()
    collector = Collector("me", hanging)
    try:
        with capture_logs() as logs:
            async with asyncio.timeout(10):
                await collector.close()
        collector.close_blocking()
    finally:
        hanging.let_go.set()
    assert [line["event"] for line in logs] == ["traces_left_unsent"]


async def test_a_good_end() -> None:
    """Nothing to say."""
    with capture_logs() as logs:
        await Memory().collector.close()
    assert logs == []


def test_trouble_is_said_once() -> None:
    """However often the SDK says it, and however many collectors were made."""
    Memory()
    Memory()
    with capture_logs() as logs:
        for number in range(3):
            LOGGER.warning("Transient error %s", number)
        LOGGER.error("Failed to export")
        LOGGER.info("of no interest")
    assert [(line["event"], line["said"]) for line in logs] == [
        ("traces_trouble", "Transient error 0"),
        ("traces_trouble", "Failed to export"),
    ]


def test_the_service_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours, unless the environment says another."""
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    assert _service() == "llm-worker"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "tagger")
    assert _service() == "tagger"


def _service() -> object:
    memory = Memory()
    memory.collector.tracer.start_span("x").end()
    [span] = memory.spans
    assert span.resource.attributes["service.instance.id"] == "test"
    return span.resource.attributes["service.name"]
