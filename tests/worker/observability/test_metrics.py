"""What is counted, under which names and labels."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.builders import claimed, job, tagged
from worker.llm.breaker import State
from worker.llm.chat import Completion, Usage
from worker.llm.observing import CallObserver
from worker.llm.prices import NO_PRICES, usage_report
from worker.observability.metrics import Metrics

NAMED = {"provider": "vllm", "model": "mistral"}


@pytest.fixture
def metrics() -> Metrics:
    """Nothing counted yet."""
    return Metrics()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """What a sample says; None where there is none."""
    return metrics.registry.get_sample_value(f"llm_worker_{name}", labels)


def test_calls_by_how_they_ended(metrics: Metrics) -> None:
    """Answered or failed, each is counted once, and its seconds are in the histogram."""
    observer: CallObserver = metrics
    observer.called("vllm", "mistral", "ok", 0.3, Completion("{}", "stop"))
    observer.called("vllm", "mistral", "timeout", 60.0, None)
    observer.called("vllm", "mistral", "", 0.0, None)
    for outcome in ("ok", "timeout", "unknown"):
        assert value(metrics, "llm_calls_total", **NAMED, outcome=outcome) == 1
    assert value(metrics, "llm_call_seconds_count", **NAMED) == 3
    assert value(metrics, "llm_call_seconds_sum", **NAMED) == 60.3
    assert value(metrics, "llm_call_seconds_bucket", **NAMED, le="0.5") == 2


@pytest.mark.parametrize("state", State)
def test_every_state_of_a_breaker(metrics: Metrics, state: State) -> None:
    """A number to draw: the higher, the worse."""
    metrics.breaker("vllm", "gpu1:8000", str(state))
    found = value(metrics, "llm_breaker_state", provider="vllm", server="gpu1:8000")
    assert found == {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}[state]


def test_a_budget_is_looked_at_when_somebody_asks(metrics: Metrics) -> None:
    """Its limit stands, what is spent moves."""
    spent = [5]
    metrics.watch_budget("openai", 100, lambda: spent[0])
    spent[0] = 7
    assert value(metrics, "llm_budget_tokens", provider="openai", kind="limit") == 100
    assert value(metrics, "llm_budget_tokens", provider="openai", kind="spent") == 7


def test_prometheus_can_read_it(metrics: Metrics) -> None:
    """Each has our prefix, a base unit and a sentence; nothing else is in there."""
    metrics.called("vllm", "mistral", "ok", 0.3, None)
    metrics.breaker("vllm", "gpu1", "open")
    metrics.watch_budget("openai", 100, lambda: 1)
    metrics.jobs.ended(job(claimed()), tagged("m1"), usage_report(Usage(), NO_PRICES), "")
    families = list(text_string_to_metric_families(metrics.exposition().decode()))
    assert len(families) == 10
    for family in families:
        assert family.name.startswith("llm_worker_")
        assert family.documentation.endswith(".")
        assert "created" not in family.name


def test_two_workers_in_a_process_count_apart(metrics: Metrics) -> None:
    """No registry is shared."""
    other = Metrics()
    metrics.called("vllm", "mistral", "ok", 0.3, None)
    assert value(other, "llm_calls_total", **NAMED, outcome="ok") is None
