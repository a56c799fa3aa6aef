"""What is counted of jobs when they have ended."""

import pytest
from prometheus_client import CollectorRegistry

from shared.enums import FailureReason
from tests.builders import claimed, job, tagged
from worker.job import Job
from worker.llm.chat import Completion, Usage
from worker.llm.prices import NO_PRICES, Price, Prices, usage_report
from worker.observability.job_metrics import JobMetrics
from worker.outcome import Failed, Outcome

PRICES = Prices("EUR", {"mistral": Price.model_validate({"in": 1, "out": 2})})
NAMED = {"provider": "vllm", "model": "mistral"}


@pytest.fixture
def registry() -> CollectorRegistry:
    """Nothing counted yet."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> JobMetrics:
    """Counts into the registry."""
    return JobMetrics(registry)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """What a sample of text_tag jobs says; None where there is none."""
    return registry.get_sample_value(f"llm_worker_{name}", {"job_type": "text_tag", **labels})


def ended(metrics: JobMetrics, outcome: Outcome, made: Job, prices: Prices = PRICES) -> None:
    """As the report does it."""
    metrics.ended(made, outcome, usage_report(made.usage, prices), prices.currency)


def test_tokens_and_cost_by_model_and_job_type(
    metrics: JobMetrics, registry: CollectorRegistry
) -> None:
    """Of every call that a job took."""
    made = job(claimed())
    made.usage = Usage(calls=3, reasks=1, repaired=2, dropped=4)
    made.usage.add(Completion("{}", "stop", 100, 10, 60, "vllm", "mistral"))
    made.usage.add(Completion("{}", "stop", 100, 10, 0, "openai", "unpriced"))
    ended(metrics, tagged("m1"), made)
    ended(metrics, tagged("m1"), made)
    kinds = ("in", "out", "cached")
    counted = [value(registry, "llm_tokens_total", **NAMED, kind=kind) for kind in kinds]
    assert counted == [200, 20, 120]
    assert value(registry, "llm_cost_total", **NAMED, currency="EUR") == pytest.approx(0.00024)
    other = {"provider": "openai", "model": "unpriced"}
    assert value(registry, "llm_tokens_total", **other, kind="in") == 200
    assert value(registry, "llm_cost_total", **other, currency="EUR") is None
    totals = ("llm_reasks_total", "llm_repaired_total", "llm_dropped_total")
    assert [value(registry, name) for name in totals] == [2, 4, 8]


def test_jobs_by_their_end(metrics: JobMetrics, registry: CollectorRegistry) -> None:
    """A failed one with its reason and its cause; what it used is counted as well."""
    made = job(claimed())
    made.usage.add(Completion("{}", "length", 7, 0, 0, "vllm", "mistral"))
    reason = FailureReason.INVALID_ANSWER
    ended(metrics, Failed(reason=reason, message="cut off", cause="truncated"), made, NO_PRICES)
    ended(metrics, tagged("m1"), job(claimed()))
    failed = {"outcome": "failed", "reason": "invalid_answer", "cause": "truncated"}
    assert value(registry, "jobs_total", **failed) == 1
    assert value(registry, "jobs_total", outcome="completed", reason="", cause="") == 1
    assert value(registry, "llm_tokens_total", **NAMED, kind="in") == 7
