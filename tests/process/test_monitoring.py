"""Real workers under load and a real Prometheus beside them: every panel has something to show."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from drills.prometheus import Prometheus, is_installed
from tests.deploy.files import filled, queries
from tests.process.bench import Bench, until
from worker.embedded.samples import paint, samples

needs_prometheus = pytest.mark.skipif(
    not is_installed(), reason="needs prometheus: apt-get install prometheus"
)
pytestmark = [pytest.mark.process, needs_prometheus, pytest.mark.timeout(300)]

_FAILING_TURNS = 4
_DEAD = 15
"""More than `LlmWorkerDeadLetters` lets pass."""


async def _enqueue(bench: Bench, turn: int) -> int:
    """Some jobs of every type and one that can never succeed; at first the model fails at some."""
    for number, sample in enumerate(samples()):
        await bench.enqueue(f"s{turn}-{number}", sample.payload, sample.job_type)
    await bench.enqueue(f"bad{turn}", {"no": "note"})
    if turn < _FAILING_TURNS:
        await bench.model_fails(hang_s=3)  # a job that is seen in somebody's hands
        await bench.model_fails(status=500)
        await bench.model_fails(status=503, retry_after=0.1)
        await bench.model_fails(text="I would rather not")
        await bench.model_fails(text='{"tags": ["ferry",]}')
    return len(list(samples())) + 1


async def _start_workers(bench: Bench, tmp_path: Path) -> list[str]:
    """Two of them, one of several processes; returns where they are asked for metrics."""
    paint(bench.stack.images)
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"currency": "USD", "models": {"*": {"in": 1, "out": 2}}}))
    settings = {"LLM_PRICES_FILE": str(prices), "LLM_DAILY_TOKENS": "vllm:100000000"}
    workers = [
        bench.start_worker("alone", **settings),
        bench.start_worker("several", WORKER_PROCESSES="2", **settings),
    ]
    return [worker.ready_url.split("/")[2] for worker in workers]


async def _empty(prometheus: Prometheus) -> set[str]:
    """The panels' queries that have given nothing yet."""
    asked = {name: filled(expr) for name, expr in queries().items()}
    return {
        name
        for name, expr in asked.items()
        if not await asyncio.to_thread(prometheus.has_shown, expr)
    }


async def _ask(prometheus: Prometheus, expr: str) -> list[Any]:
    return await asyncio.to_thread(prometheus.query, expr)


async def test_every_panel_has_something_to_show(bench: Bench, tmp_path: Path) -> None:
    """Also of workers with several processes; no rule fails, and alerts fire for what is wrong."""
    workers = await _start_workers(bench, tmp_path)
    models = [bench.stack.model_url.removeprefix("http://")]
    with Prometheus(tmp_path, workers, models) as prometheus:
        sent = turn = 0

        async def all_up() -> bool:
            return len(await _ask(prometheus, 'up{job=~"llm-worker|vllm"} == 1')) == 3

        async def all_counted() -> bool:
            total = await _ask(prometheus, "sum(llm_worker_jobs_total)")
            return bool(total) and float(total[0]["value"][1]) == sent

        async def nothing_is_empty() -> bool:
            nonlocal sent, turn
            sent += await _enqueue(bench, turn)
            turn += 1
            await until(all_counted, what="every job in the sum over processes", patience_s=100)
            empty = await _empty(prometheus)
            print(f"{sent} jobs counted; {len(empty)} queries without data: {sorted(empty)[:5]}")
            return not empty

        async def dead_letters_fire() -> bool:
            return "LlmWorkerDeadLetters" in await prometheus.firing()

        await until(prometheus.ready, what="Prometheus")
        await until(all_up, what="two workers and a model server")
        await until(nothing_is_empty, what="data for every query", patience_s=200)
        for number in range(_DEAD):
            await bench.enqueue(f"dead{number}", {"no": "note"})
        await until(dead_letters_fire, what="the alert of so many dead letters")
        assert {rule["health"] for rule in prometheus.rules()} == {"ok"}


_OUTAGES = {
    "LlmWorkerAbsent",
    "LlmWorkerRedisAway",
    "LlmWorkerCoreAway",
    "LlmWorkerModelAway",
    "LlmWorkerBreakerOpen",
}


async def test_the_alerts_name_what_is_away(bench: Bench, tmp_path: Path) -> None:
    """One service after the other ends under load: its alert fires, no other's, and is over again.

    How long each waits is left out here; `alerts_test.yml` has it.
    """
    worker = bench.start_worker()
    address = worker.ready_url.split("/")[2]
    stack = bench.stack
    with Prometheus(tmp_path, [address], every_s=3, patient=False) as prometheus:

        async def told(*names: str) -> None:
            async def are_told() -> bool:
                if stack.redis.running:
                    await bench.enqueue(f"j{time.monotonic_ns()}")
                return (await prometheus.firing()) & _OUTAGES == set(names)

            await until(are_told, what=f"alerts {names}", patience_s=150)

        await until(prometheus.ready, what="Prometheus")
        await told()
        stack.core.stop()
        await told("LlmWorkerCoreAway")
        stack.core.start()
        await told()
        stack.model.stop()
        await told("LlmWorkerModelAway", "LlmWorkerBreakerOpen")
        stack.model.start()
        await told()
        stack.redis.stop()
        await told("LlmWorkerRedisAway")
        stack.redis.start()
        await told()
        worker.stop()
        await told("LlmWorkerAbsent")
