"""What is counted of jobs: their steps, and the rest when they have ended."""

import pytest
from prometheus_client import CollectorRegistry

from shared.enums import FailureReason
from shared.redis_streams import WAITING
from tests.builders import claimed, job, tagged
from worker.clock import Clock
from worker.errors import Service
from worker.llm.chat import Completion, Usage
from worker.llm.prices import Price, Prices
from worker.observability.job_metrics import JobMetrics
from worker.outcome import Failed
from worker.retry import Retry, Wait

PRICES = Prices("EUR", {"mistral": Price.model_validate({"in": 1, "out": 2})})
NOW = 1_700_000_020.0
"""The builders' jobs are enqueued twenty seconds before that."""
NAMED = {"provider": "vllm", "model": "mistral"}


@pytest.fixture
def registry() -> CollectorRegistry:
    """Nothing counted yet."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> JobMetrics:
    """Counts into the registry."""
    return JobMetrics(registry, PRICES, Clock(now=lambda: NOW))


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """What a sample of text_tag jobs says; None where there is none."""
    return registry.get_sample_value(f"llm_worker_{name}", {"job_type": "text_tag", **labels})


def test_tokens_and_cost_by_model_and_job_type(
    metrics: JobMetrics, registry: CollectorRegistry
) -> None:
    """Of every call that a job took."""
    made = job(claimed())
    made.usage = Usage(calls=3, reasks=1, repaired=2, dropped=4)
    made.usage.add(Completion("{}", "stop", 100, 10, 60, "vllm", "mistral"))
    made.usage.add(Completion("{}", "stop", 100, 10, 0, "openai", "unpriced"))
    metrics.ended(made, tagged("m1"))
    metrics.ended(made, tagged("m1"))
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
    made.usage.calls = 1
    made.usage.add(Completion("{}", "length", 7, 0, 0, "vllm", "mistral"))
    reason = FailureReason.INVALID_ANSWER
    metrics.ended(made, Failed(reason=reason, message="cut off", cause="truncated"))
    metrics.ended(job(claimed()), tagged("m1"))
    failed = {"outcome": "failed", "reason": "invalid_answer", "cause": "truncated"}
    assert value(registry, "jobs_total", **failed) == 1
    assert value(registry, "jobs_total", outcome="completed", reason="", cause="") == 1
    assert value(registry, "llm_tokens_total", **NAMED, kind="in") == 7


def test_what_a_price_list_makes_of_a_job_that_came_to_nothing(
    metrics: JobMetrics, registry: CollectorRegistry
) -> None:
    """It has cost what it has cost."""
    made = job(claimed())
    made.usage = Usage(calls=1)
    made.usage.add(Completion("{}", "stop", 1_000_000, 0, 0, "vllm", "mistral"))
    metrics.ended(made, Failed(reason=FailureReason.INVALID_ANSWER, message="no"))
    assert value(registry, "llm_cost_total", **NAMED, currency="EUR") == 1


def test_the_steps_of_a_job(metrics: JobMetrics, registry: CollectorRegistry) -> None:
    """Each is counted when it happens, by its reason."""
    made = job(claimed())
    metrics.seen(made)
    for why in (Retry(1.0, "no", "timeout"), Wait(Service.CORE, "away", None)):
        metrics.started(made)
        metrics.retried(made, why)
    metrics.left(made, "handed_back")
    names = ("jobs_claimed_total", "jobs_reclaimed_total", "job_tries_total")
    assert [value(registry, name) for name in names] == [1, None, 2]
    assert value(registry, "job_retries_total", cause="timeout") == 1
    assert value(registry, "job_waits_total", service="core", cause="") == 1
    assert value(registry, "jobs_left_total", how="handed_back") == 1


@pytest.mark.parametrize(("holder", "counted"), [("other-1", 1), (WAITING, None), ("", None)])
def test_what_was_somebody_elses(
    metrics: JobMetrics, registry: CollectorRegistry, holder: str, counted: float | None
) -> None:
    """Taken over from a worker; what only waited for its turn is new."""
    metrics.seen(job(claimed(taken_from=holder)))
    assert value(registry, "jobs_reclaimed_total") == counted


def test_where_the_time_of_a_job_went(metrics: JobMetrics, registry: CollectorRegistry) -> None:
    """The stages together are its whole time, from XADD to its end."""
    made = job(claimed(), claimed_at=NOW - 15)
    made.usage = Usage(calls=1, llm_s=4.0)
    made.handler_s, made.deliver_s, made.record_s, made.settle_s = 6.0, 3.0, 0.5, 0.25
    metrics.ended(made, tagged("m1"))
    stages = ("wait", "park", "prepare", "model", "record", "deliver", "settle")
    took = [value(registry, "job_stage_seconds_sum", stage=stage) or 0.0 for stage in stages]
    assert took == [5.0, 5.75, 2.0, 4.0, 0.5, 2.5, 0.25]
    assert value(registry, "job_seconds_sum", outcome="completed") == sum(took)
    assert value(registry, "job_last_end_timestamp_seconds") == NOW


def test_a_job_that_was_never_asked_about(metrics: JobMetrics, registry: CollectorRegistry) -> None:
    """A dead worker's answer is only delivered: no handler, no model, no tokens."""
    metrics.ended(job(claimed()), tagged("m1"))
    for stage, count in {"prepare": None, "model": None, "deliver": 1}.items():
        assert value(registry, "job_stage_seconds_count", stage=stage) == count


def test_what_is_there_before_the_first_job(
    metrics: JobMetrics, registry: CollectorRegistry
) -> None:
    """A counter that begins with its first rise hides it; a worker's start is a sign of life."""
    metrics.serve(["text_tag"])
    names = ("jobs_claimed_total", "jobs_reclaimed_total", "job_tries_total", "llm_reasks_total")
    assert [value(registry, name) for name in names] == [0] * 4
    assert value(registry, "jobs_total", outcome="completed", reason="", cause="") == 0
    assert value(registry, "jobs_left_total", how="lease_lost") == 0
    assert value(registry, "job_last_end_timestamp_seconds") == NOW


def test_answers_that_could_not_be_used(metrics: JobMetrics, registry: CollectorRegistry) -> None:
    """By what was wrong with them, also where a second one was good."""
    made = job(claimed())
    made.usage = Usage(calls=3, reasks=1, faults={"invalid_json": 2, "ungrounded": 1})
    metrics.ended(made, tagged("m1"))
    assert value(registry, "llm_faults_total", cause="invalid_json") == 2
    assert value(registry, "llm_faults_total", cause="ungrounded") == 1
