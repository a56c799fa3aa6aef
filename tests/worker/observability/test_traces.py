"""Traces are made where they are wanted and can be had; elsewhere they cost nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from shared.redis_streams import JobEntry, Keys
from tests.tracing import Memory, context, said
from worker.observability.traces import Traces, enqueuing, open_traces, wanted

ROOT = Path(__file__).parents[3]
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}
NEEDING_IT = ("otel", "job_traces", "trace_ids", "producing")
ENTRY = JobEntry("j1", {"content": "the ferry to Naxos"})


@pytest.mark.parametrize(
    ("environ", "answer"),
    [
        ({}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "TRUE"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_wanted(environ: dict[str, str], answer: bool) -> None:
    """By OpenTelemetry's own variables."""
    assert wanted(environ) is answer


async def test_not_wanted() -> None:
    """No witness, nothing to close."""
    traces = open_traces("me", {})
    assert traces.witness(Keys(), "me") is None
    await traces.close()


def test_the_extra_is_not_loaded_unless_it_is_wanted() -> None:
    """Nothing that the daemon imports needs it (redis-py looks for it by itself)."""
    code = "import sys, worker.app, worker.cli; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {*done.stdout.split()}
    assert "worker.observability.traces" in loaded
    assert not loaded & {f"worker.observability.{name}" for name in NEEDING_IT}
    assert "opentelemetry.exporter.otlp.proto.http" not in loaded


def test_the_extra_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that says what to install, and no traces."""
    monkeypatch.setitem(sys.modules, "worker.observability.otel", None)
    with capture_logs() as logs:
        assert open_traces("me", ENDPOINT) == Traces()
    [line] = logs
    assert (line["event"], line["log_level"]) == ("traces_off", "warning")
    assert "llm-worker[otel]" in line["why"]


def test_another_protocol() -> None:
    """Said, not tried."""
    with capture_logs() as logs:
        assert open_traces("me", ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) == Traces()
    assert [line["event"] for line in logs] == ["traces_off"]


# ------------------------------------------------------------------------- enqueue


def test_an_enqueued_job_begins_a_trace() -> None:
    """The entry carries the sender's span."""
    memory = Memory()
    with enqueuing(ENTRY, "llm:text_tag", lambda _: Traces(memory.collector)) as entry:
        pass
    [span] = memory.named("send llm:text_tag")
    ids = context(span)
    assert entry.traceparent is not None
    assert entry.traceparent.startswith(f"00-{ids.trace_id:032x}-{ids.span_id:016x}-")
    assert (entry.job_id, entry.payload) == (ENTRY.job_id, ENTRY.payload)
    assert said(span)["messaging.operation.type"] == "send"
    assert "Naxos" not in memory.texts


def test_an_entry_that_could_not_be_sent() -> None:
    """The span has the kind of the error."""
    memory = Memory()
    with (
        pytest.raises(ConnectionError),
        enqueuing(ENTRY, "llm:text_tag", lambda _: Traces(memory.collector)),
    ):
        raise ConnectionError("gone")
    [span] = memory.spans
    assert said(span)["error.type"] == "ConnectionError"


def test_untraced_entries_are_left_alone() -> None:
    """With what their producer wrote."""
    with enqueuing(ENTRY, "llm:text_tag", lambda _: Traces()) as entry:
        assert entry is ENTRY
