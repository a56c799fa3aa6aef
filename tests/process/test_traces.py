"""Traces of the real daemon: what reaches a collector, and that none is ever waited for."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from shared import JobType
from tests.process.bench import NOTE, Bench, log_lines, until
from tests.process.collector import OtlpCollector, Received
from worker.embedded.child import free_port
from worker.embedded.service import clean_environ

ROOT = Path(__file__).parents[2]
PROCESS = "process llm:text_tag"
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
pytestmark = pytest.mark.process


async def enqueue(bench: Bench, endpoint: str) -> None:
    """`llm-worker enqueue`, as a producer with traces."""
    command = ["-c", "from worker.cli import main; main()", "enqueue"]
    words = [*command, JobType.TEXT_TAG, json.dumps(NOTE), "--job-id", "j1"]
    environ = {"PYTHONPATH": str(ROOT), "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *words),
        cwd=bench.stack.folder,
        env=clean_environ() | environ | {"REDIS_URL": bench.stack.redis.url},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0


async def test_one_trace_from_the_producer_to_the_patch(bench: Bench) -> None:
    """With a failed try in it, linked; all over the wire, nothing of the payload in it."""
    collector = OtlpCollector()
    async with collector.running() as endpoint:
        worker = bench.start_worker(
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, WORKER_PROCESSING_AFTER_S="0", **QUICK
        )
        await bench.model_fails(status=500)
        await enqueue(bench, endpoint)
        await bench.ended("j1")
        await bench.settled()
        await asyncio.to_thread(worker.stop)  # what is left is sent

        async def all_there() -> list[Received]:
            return collector.named(PROCESS)[1:]

        await until(all_there, what="both tries' spans")
    assert (worker.exit_code, log_lines(worker, "traces_left_unsent")) == (0, [])
    [sent] = collector.named("send llm:text_tag")
    first, last = collector.named(PROCESS)
    assert {span.service for span in collector.spans} == {"llm-worker"}
    assert {span.trace for span in collector.spans} == {sent.trace}
    assert (sent.parent, first.parent, last.parent) == ("", sent.span, sent.span)
    assert (first.links, last.links) == ((), (first.span,))
    assert (first.said["error.type"], last.said["llm_worker.outcome"]) == ("http_500", "completed")
    assert [span.parent for span in collector.named("chat mistral")] == [first.span, last.span]
    patches = [span.parent for span in collector.named("PATCH /llm_jobs/{id}")]
    assert patches == [first.span, last.span]  # processing, completed
    assert NOTE["content"] not in repr(collector.spans)


async def test_a_collector_that_is_away(bench: Bench) -> None:
    """Jobs are done, the worker stops in good order, and the log is not filled."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    worker = bench.start_worker(OTEL_EXPORTER_OTLP_ENDPOINT=nowhere, **QUICK)
    for number in range(20):
        await bench.enqueue(f"j{number}")
    await bench.ended(*(f"j{number}" for number in range(20)))
    await asyncio.to_thread(worker.stop)
    assert worker.exit_code == 0
    assert 1 <= len(log_lines(worker, "traces_trouble")) <= 4
    assert "Traceback" not in worker.log


@pytest.mark.parametrize(
    "settings",
    [
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_BSP_SCHEDULE_DELAY": "-1"},
    ],
)
async def test_what_cannot_be_had(bench: Bench, settings: dict[str, str]) -> None:
    """A line in the log, and the worker works."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    worker = bench.start_worker(OTEL_EXPORTER_OTLP_ENDPOINT=nowhere, **settings)
    await bench.enqueue("j1")
    [job] = await bench.ended("j1")
    await asyncio.to_thread(worker.stop)
    assert (job["status"], worker.exit_code) == ("completed", 0)
    assert len(log_lines(worker, "traces_off")) == 1
