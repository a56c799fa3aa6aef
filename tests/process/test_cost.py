"""What jobs cost, daily budgets, and calls that are recorded and replayed: with real processes."""

import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.process.bench import NOTE, Bench, log_lines, until
from worker.embedded.child import free_port
from worker.embedded.service import Service, clean_environ

pytestmark = pytest.mark.process
PRICES = '{"currency": "USD", "models": {"mistral": {"in": 10, "out": 20}}}'
ODD = 'Sure: {"tags": ["odd one", "Naxos",]}'


async def samples(bench: Bench, worker: Service) -> dict[str, float]:
    """What a worker's metrics say, by name and labels."""
    async with bench.http.get(worker.ready_url.replace("/live", "/metrics")) as response:
        text = await response.text()
    return {
        " ".join([sample.name, *(sample.labels[name] for name in sorted(sample.labels))]): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_result_its_line_and_its_metrics_agree(bench: Bench, tmp_path: Path) -> None:
    """Tokens and cost are the same wherever they are told."""
    file = tmp_path / "prices.json"
    file.write_text(PRICES)
    worker = bench.start_worker(LLM_PRICES_FILE=str(file))
    await bench.enqueue("j1")
    [job] = await bench.ended("j1")
    await bench.settled()
    usage = job["result"]["usage"]
    cost = (10 * usage["tokens_in"] + 20 * usage["tokens_out"]) / 1_000_000
    assert usage["calls"] == 1
    assert usage["cost"] == pytest.approx(cost)
    found = await samples(bench, worker)
    worker.stop()
    [line] = log_lines(worker, "job_done")
    assert (line["tokens_in"], line["cost"]) == (usage["tokens_in"], usage["cost"])
    assert found["llm_worker_jobs_total  text_tag completed "] == 1
    assert found["llm_worker_llm_tokens_total text_tag in mistral vllm"] == usage["tokens_in"]
    assert found["llm_worker_llm_cost_total USD text_tag mistral vllm"] == usage["cost"]
    assert found["llm_worker_llm_calls_total mistral ok vllm"] == 1


async def test_a_spent_budget_goes_to_the_next_provider(bench: Bench) -> None:
    """The fleet's count is in Redis, and no job fails for it."""
    fallback = {"provider": "mock", "base_url": f"{bench.stack.model_url}/v1", "model": "mistral"}
    worker = bench.start_worker(LLM_DAILY_TOKENS="vllm:1", LLM_FALLBACKS=json.dumps([fallback]))
    await bench.enqueue("j1")
    [one] = await bench.ended("j1")
    await bench.enqueue("j2")
    [other] = await bench.ended("j2")
    worker.stop()
    used = [job["result"]["usage"]["models"][0] for job in (one, other)]
    assert [model["provider"] for model in used] == ["vllm", "mock"]
    assert len(log_lines(worker, "budget_spent")) == 1
    [key] = await bench.command("KEYS", "llm:tokens:*")
    assert key.startswith(b"llm:tokens:vllm:")
    assert int(await bench.command("GET", key)) == used[0]["tokens_in"] + used[0]["tokens_out"]


def said(worker: Service, event: str) -> Callable[[], Awaitable[list[dict[str, Any]]]]:
    """A question: the worker's log lines of one event."""

    async def lines() -> list[dict[str, Any]]:
        return log_lines(worker, event)

    return lines


async def test_a_job_waits_for_midnight(bench: Bench) -> None:
    """Without another provider it is neither asked nor a dead letter: it waits."""
    worker = bench.start_worker(LLM_DAILY_TOKENS="vllm:1")
    await bench.enqueue("j1")
    await bench.ended("j1")
    calls = await bench.model_calls()
    await bench.enqueue("j2")
    away = await until(said(worker, "service_away"), what="the job to wait")
    worker.stop()
    assert [line["why"] for line in away] == ["the day's tokens are used up"]
    assert await bench.model_calls() == calls
    assert await bench.dead() == []
    assert await bench.command("XLEN", "llm:text_tag") == 1


@contextmanager
def replaying(folder: Path, logs: Path) -> Generator[str]:
    """A stand-in that gives the recorded calls again; its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = ["worker.embedded.model", "--port", str(port), "--replay", str(folder)]
    service = Service("replay", words, f"{url}/health", logs, clean_environ())
    service.start()
    try:
        service.wait_until_ready()
        yield url
    finally:
        service.stop()


def told(job: dict[str, Any], line: dict[str, Any]) -> list[Any]:
    """What came of a job, and what it took."""
    result, usage = dict(job["result"]), job["result"]["usage"]
    del result["usage"]
    names = ("calls", "reasks", "tokens_in", "tokens_out")
    return [result, line["attempt"], *(usage[name] for name in names)]


async def test_a_bug_from_production_happens_again(bench: Bench, tmp_path: Path) -> None:
    """A failure and an odd answer that were recorded come again, and with them the same result."""
    folder = tmp_path / "records"
    worker = bench.start_worker("recorded", RECORD_LLM_RESPONSES=str(folder))
    await bench.model_fails(status=500)
    await bench.model_fails(text=ODD)
    await bench.enqueue("j1")
    [recorded] = await bench.ended("j1")
    worker.stop()
    assert len(log_lines(worker, "recording_every_prompt_and_answer")) == 1
    assert len(list(folder.glob("*.json"))) == 2
    [line] = log_lines(worker, "job_done")
    was = told(recorded, line)
    assert "odd one" in recorded["result"]["tags"]
    assert line["attempt"] == 2
    with replaying(folder, tmp_path) as url:
        settings = {"LLM_PROVIDER": "mock", "LLM_BASE_URL": f"{url}/v1"}
        worker = bench.start_worker("replayed", **settings)
        await bench.enqueue("j2")
        [replayed] = await bench.ended("j2")
        await bench.enqueue("j3", NOTE | {"content": "Booked the train to Athens"})
        [other] = await bench.ended("j3")
        worker.stop()
    assert "odd one" not in other["result"]["tags"]
    line, _ = log_lines(worker, "job_done")
    assert told(replayed, line) == was
