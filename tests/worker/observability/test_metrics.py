"""What is counted, under which names and labels."""

import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.enums import JobType
from tests.builders import claimed, job, tagged
from tests.worker.observability.test_fleet_metrics import Fleet
from tests.worker.observability.test_server_metrics import Limited
from tests.worker.observability.test_worker_metrics import Parts
from worker.errors import Service
from worker.llm.chat import Completion, Usage
from worker.llm.limit import LimitFacts, Reason
from worker.llm.observing import CallObserver
from worker.observability.catalogue import OF_WORKER
from worker.observability.metrics import Metrics
from worker.processes.merging import merged, of_parent
from worker.retry import Retry, Wait

NAMED = {"provider": "vllm", "model": "mistral"}
ENDS = ("stop", "length", "other")
PROMTOOL = shutil.which("promtool")


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


def test_how_answers_ended(metrics: Metrics) -> None:
    """As the server says it; a call without an answer has no such end."""
    for finish in ("stop", "stop", "length", "because"):
        metrics.called("vllm", "mistral", "ok", 0.3, Completion("{}", finish))
    metrics.called("vllm", "mistral", "timeout", 60.0, None)
    ends = {end: value(metrics, "llm_finishes_total", **NAMED, finish_reason=end) for end in ENDS}
    assert ends == {"stop": 2, "length": 1, "other": 1}


def test_requests_to_core(metrics: Metrics) -> None:
    """By route and end, with what they took."""
    metrics.core_answered("/tasks", "ok", 0.02)
    metrics.core_answered("/tasks", "http_503", 0.5)
    assert value(metrics, "core_requests_total", route="/tasks", outcome="ok") == 1
    assert value(metrics, "core_requests_total", route="/tasks", outcome="http_503") == 1
    assert value(metrics, "core_request_seconds_count", route="/tasks") == 2
    assert value(metrics, "core_request_seconds_bucket", route="/tasks", le="0.025") == 1


def test_a_budget_is_looked_at_when_somebody_asks(metrics: Metrics) -> None:
    """Its limit stands, what is spent moves."""
    spent = [5]
    metrics.watch_budget("openai", 100, lambda: spent[0])
    spent[0] = 7
    assert value(metrics, "fleet_budget_limit_tokens", provider="openai") == 100
    assert value(metrics, "fleet_budget_spent_tokens", provider="openai") == 7


def with_everything(metrics: Metrics) -> Metrics:
    """Every family has a sample, or would have one where there is something to tell."""
    fleet, told = Fleet(), Parts(metrics=metrics)
    metrics.watch_fleet(fleet.look)
    metrics.watch_servers(Limited([LimitFacts("vllm", "gpu1", "text", 12, Reason.FULL, 9, 3)]))
    metrics.called("vllm", "mistral", "ok", 0.3, Completion("{}", "stop"))
    metrics.core_answered("/tasks", "ok", 0.02)
    metrics.breaker("vllm", "gpu1", "open")
    metrics.watch_budget("openai", 100, lambda: 1)
    metrics.jobs.serve(JobType)
    made = job(claimed(taken_from="other"), claimed_at=1.0)
    made.usage = Usage(calls=2, reasks=1, repaired=1, dropped=1, faults={"invalid_json": 1})
    made.usage.add(Completion("{}", "stop", 100, 10, 60, "vllm", "mistral"))
    metrics.jobs.seen(made)
    metrics.jobs.retried(made, Retry(1.0, "why", "timeout"))
    metrics.jobs.retried(made, Wait(Service.MODEL, "away", None, "http_503"))
    metrics.jobs.ended(made, tagged("m1"))
    told.jobs.append(made)
    return metrics


async def test_it_is_the_catalogue(metrics: Metrics) -> None:
    """Each name of it is exposed, of its kind, with its labels and its sentence, and no other."""
    await with_everything(metrics).refresh()
    text = metrics.exposition().decode()
    found = {family.name: family for family in text_string_to_metric_families(text)}
    listed = [metric for group in OF_WORKER for metric in group.metrics]
    assert found.keys() == {metric.name.removesuffix("_total") for metric in listed}
    for metric in listed:
        family = found[metric.name.removesuffix("_total")]
        assert family.type == metric.kind
        if metric.name.startswith("llm_worker_"):
            assert family.documentation == metric.sentence
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == set(metric.labels), sample


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian's prometheus) is not installed")
async def test_promtool_finds_nothing_to_complain_of(metrics: Metrics) -> None:
    """Prometheus' own check of names, units, kinds and help texts."""
    await with_everything(metrics).refresh()
    text = of_parent({0: True}, {0: 2}) + merged({0: metrics.exposition().decode()})
    assert [_complaints(one) for one in (metrics.exposition(), text.encode())] == [b"", b""]
    assert b"no help text" in _complaints(b"# TYPE a_total counter\na_total 1\n")


def _complaints(text: bytes) -> bytes:
    words = [str(PROMTOOL), "check", "metrics"]
    done = subprocess.run(words, input=text, capture_output=True, check=False)
    assert done.returncode in {0, 3}, done.stderr
    return done.stdout + done.stderr


def test_two_workers_in_a_process_count_apart(metrics: Metrics) -> None:
    """No registry is shared."""
    other = Metrics()
    metrics.called("vllm", "mistral", "ok", 0.3, None)
    assert value(other, "llm_calls_total", **NAMED, outcome="ok") is None
