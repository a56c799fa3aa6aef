"""What a real worker's `/metrics` says is what has happened."""

import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.enums import JobType
from tests.process.bench import NOTE, Bench, log_lines, until
from worker.embedded.service import Service
from worker.observability.catalogue import OF_WORKER, process
from worker.operations.pausing import PauseNote, pause

pytestmark = pytest.mark.process
TEXT = "text_tag"


class Page:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}

    def sum(self, name: str, **labels: str) -> float:
        """What the samples with these labels say, added up; 0 where there are none."""
        return sum(
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == f"llm_worker_{name}" and labels.items() <= sample.labels.items()
        )


async def page(bench: Bench, worker: Service) -> Page:
    """Look at its metrics."""
    async with bench.http.get(worker.ready_url.replace("/live", "/metrics")) as response:
        assert response.status == 200
        return Page(await response.text())


async def looked(bench: Bench, worker: Service, name: str, value: float, **labels: str) -> Page:
    """A page on which a sample has this value; what is read out of Redis is kept for a moment."""

    async def there() -> Page | None:
        found = await page(bench, worker)
        return found if found.sum(name, **labels) == value else None

    return await until(there, what=f"{name} {labels} to be {value}")


async def queue_seen(bench: Bench, worker: Service) -> Page | None:
    """A page with what the model server said of its own queue, once it was asked."""
    found = await page(bench, worker)
    return found if found.families["llm_worker_llm_server_waiting"].samples else None


async def some_work(bench: Bench, worker: Service) -> Page:
    """Jobs that go well, one that is tried twice, one that is asked twice, one that is dead."""
    await bench.model_fails(status=500)
    await bench.enqueue("retried")
    await bench.ended("retried")
    await bench.model_fails(text="no JSON at all", finish_reason="because")
    await bench.enqueue("asked-again")
    await bench.ended("asked-again")
    await bench.enqueue("dead", {"memory_id": "m1"})
    for number in range(5):
        await bench.enqueue(f"good-{number}")
    await bench.ended("dead", *(f"good-{number}" for number in range(5)))
    await bench.settled()
    return await looked(bench, worker, "fleet_dead_letters", 1)


async def test_counts_are_what_happened(bench: Bench) -> None:
    """Ends, tries, calls, answers, stages, requests to Core, and the fleet as Redis has it."""
    worker = bench.start_worker(LLM_CANARY="false", WORKER_PROCESSING_AFTER_S="0")
    found = await some_work(bench, worker)
    calls = await bench.model_calls()
    ended = {"job_type": TEXT}
    assert found.sum("jobs_total", **ended, outcome="completed") == 7
    assert found.sum("jobs_total", outcome="failed", reason="invalid_payload") == 1
    assert found.sum("jobs_claimed_total", **ended) == 8
    assert found.sum("job_tries_total", **ended) == 8  # the dead one had none, one had two
    assert found.sum("job_retries_total", cause="http_500") == 1
    assert found.sum("llm_calls_total", outcome="http_500") == 1
    assert found.sum("llm_calls_total", outcome="ok") == calls - 1 == 8
    assert found.sum("llm_call_seconds_count") == calls
    assert found.sum("llm_finishes_total", finish_reason="stop") == 7
    assert found.sum("llm_finishes_total", finish_reason="other") == 1
    assert found.sum("llm_faults_total", **ended, cause="aborted") == 1
    assert found.sum("llm_reasks_total", **ended) == 1
    tokens = sum(line["tokens_out"] for line in log_lines(worker, "job_done"))
    assert found.sum("llm_tokens_total", kind="out") == tokens > 0
    stages = ("wait", "park", "record", "deliver", "settle", "prepare", "model")
    counts = [found.sum("job_stage_seconds_count", **ended, stage=stage) for stage in stages]
    assert counts == [8, 8, 8, 8, 8, 7, 7]
    spent = found.sum("job_stage_seconds_sum", **ended)
    assert spent == pytest.approx(found.sum("job_seconds_sum", **ended), abs=0.05)
    routes = ("/llm_jobs/{id}", "/memories/{id}/tags")
    asked = [found.sum("core_requests_total", outcome="ok", route=route) for route in routes]
    assert asked == [7 + 8, 7]  # `processing` and the last word
    assert found.sum("fleet_waiting_jobs") == found.sum("fleet_in_flight_jobs") == 0
    assert found.sum("redis_up") == found.sum("llm_provider_in_use", provider="vllm") == 1
    assert found.sum("build_info") == 1
    worker.stop()


async def test_a_worker_exposes_the_whole_catalogue(bench: Bench) -> None:
    """Every name of docs/metrics.md and no other, of its kind."""
    worker = bench.start_worker(LLM_CANARY="false", LLM_DAILY_TOKENS="vllm:1000000")
    await some_work(bench, worker)
    # The server's own queue is looked at about once a second, not with each call.
    found = await until(lambda: queue_seen(bench, worker), what="a look at the server's queue")
    listed = {m.name: str(m.kind) for group in OF_WORKER for m in group.metrics}
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", found.text, re.MULTILINE))
    assert kinds == listed
    assert len(found.text) < 60_000
    silent = {name for name, family in found.families.items() if not family.samples}
    # Nothing of the kind has happened here; a slow machine may have made a job wait.
    assert silent <= {f"llm_worker_{name}" for name in ("llm_cost", "job_waits", "jobs_held")}
    worker.stop()


async def test_the_fleet_is_what_redis_has(bench: Bench) -> None:
    """Of a type that is paused, jobs wait and grow old; who takes them over is counted."""
    for number in range(3):
        await bench.enqueue(f"w{number}")
    await pause(bench.redis.commands, bench.keys, [f"type:{TEXT}", "tenant:a"], PauseNote())
    worker = bench.start_worker()
    found = await looked(bench, worker, "fleet_waiting_jobs", 3, job_type=TEXT)
    assert found.sum("fleet_paused", job_type=TEXT) == 1
    assert found.sum("fleet_paused") == found.sum("fleet_paused_tenants") == 1
    assert found.sum("fleet_oldest_waiting_seconds", job_type=TEXT) > 0
    assert found.sum("fleet_oldest_waiting_seconds", job_type=JobType.EXTRACT) == 0
    worker.stop()


async def test_redis_is_frozen(bench: Bench) -> None:
    """The page is there all the same, without the fleet; and it comes back."""
    worker = bench.start_worker()
    await bench.enqueue("j1")
    await bench.ended("j1")
    await looked(bench, worker, "redis_up", 1)
    bench.stack.redis.freeze()
    try:
        found = await looked(bench, worker, "redis_up", 0)
        assert "llm_worker_fleet_waiting_jobs{" not in found.text
        assert found.sum("jobs_total", outcome="completed") == 1
    finally:
        bench.stack.redis.thaw()
    found = await looked(bench, worker, "redis_up", 1)
    assert "llm_worker_fleet_waiting_jobs{" in found.text
    worker.stop()


async def test_several_processes_have_one_fleet(bench: Bench) -> None:
    """A sum over the page is right: the fleet's numbers are there once, the workers' each."""
    await pause(bench.redis.commands, bench.keys, [f"type:{TEXT}"], PauseNote())
    for number in range(3):
        await bench.enqueue(f"w{number}")
    worker = bench.start_worker(WORKER_PROCESSES="2", WORKER_CONCURRENCY="4")
    found = await looked(bench, worker, "redis_up", 2)
    assert found.sum("fleet_waiting_jobs") == 3
    processes = {"0", "1"}
    for name in ("slots", "process_up", "jobs_claimed_total", "jobs_held_max"):
        assert _labelled(found, f"llm_worker_{name}") == processes
    assert _labelled(found, "process_resident_memory_bytes") == processes
    expected = {m.name for group in (*OF_WORKER, process.OF_PARENT) for m in group.metrics}
    assert set(re.findall(r"^# TYPE (\S+)", found.text, re.MULTILINE)) == expected
    worker.stop()


def _labelled(found: Page, name: str) -> set[Any]:
    samples = [s for family in found.families.values() for s in family.samples if s.name == name]
    return {sample.labels.get("process") for sample in samples}


async def test_no_text_of_anybodys_is_a_label(bench: Bench) -> None:
    """Ids, tenants, payloads and answers are in no sample."""
    worker = bench.start_worker(LLM_CANARY="false", WORKER_PROCESSING_AFTER_S="0")
    await bench.model_fails(text='{"tags": ["SECRET-TAG"]}', finish_reason="SECRET-END")
    payload = NOTE | {"content": "SECRET-NOTE"}
    await bench.enqueue("SECRET-ID", payload)
    await bench.ended("SECRET-ID")
    await bench.settled()
    found = await page(bench, worker)
    assert found.sum("jobs_total") == 1
    assert "SECRET" not in found.text
    worker.stop()
