"""What alerts and board ask for is there: each metric, with each label."""

import re

import pytest

from shared.enums import FailureReason
from tests.deploy.files import alerts, filled, metrics, queries
from tests.deploy.promql import asked, words
from worker.errors import Service
from worker.llm.limit import Reason
from worker.observability.catalogue.doing import BLOCKED
from worker.observability.job_metrics import LEFT

EVERYWHERE = frozenset({"instance", "job", "process"})
"""Labels that Prometheus adds, and `run --processes N`."""
ASKED = {alert["alert"]: str(alert["expr"]) for alert in alerts()} | queries()
KNOWN = metrics()


@pytest.mark.parametrize("name", ASKED)
def test_metrics_and_labels_are_there(name: str) -> None:
    """In the catalogue that workers count by."""
    found = asked(filled(ASKED[name]))
    assert found.matched.keys() <= KNOWN.keys()
    for metric, labels in found.matched.items():
        assert labels <= KNOWN[metric].labels | EVERYWHERE
    carried = frozenset[str]().union(*(KNOWN[metric].labels for metric in found.matched))
    assert found.grouped <= carried | EVERYWHERE


@pytest.mark.parametrize("name", ASKED)
def test_only_counters_are_asked_how_they_grow(name: str) -> None:
    """And a counter itself is never shown: it says how long the process has lived."""
    found = asked(filled(ASKED[name]))
    counters = {metric for metric in found.matched if KNOWN[metric].kind == "counter"}
    assert found.counted == counters


@pytest.mark.parametrize("name", ASKED)
def test_the_fleets_numbers_are_not_added_up_over_workers(name: str) -> None:
    """They are the same on each: three workers would make of ten jobs thirty."""
    expr = filled(ASKED[name])
    assert not re.search(r"(sum|count|avg)( by \([^)]*\))? ?\(llm_worker_fleet_", expr)


def test_what_alerts_ask_for_is_no_less_than_what_workers_tell_of_trouble() -> None:
    """These say that something is wrong: for each there is an alert."""
    trouble = {
        "llm_worker_redis_up",
        "llm_worker_service_away",
        "llm_worker_llm_breaker_state",
        "llm_worker_llm_server_broken",
        "llm_worker_llm_limit_reason",
        "llm_worker_fleet_oldest_waiting_seconds",
        "llm_worker_fleet_dead_letters",
        "llm_worker_jobs_left_total",
        "llm_worker_fleet_budget_spent_tokens",
        "llm_worker_event_loop_lag_seconds_bucket",
        "llm_worker_events_dropped_total",
        "llm_worker_process_deaths_total",
    }
    assert trouble <= {metric for alert in alerts() for metric in asked(str(alert["expr"])).matched}


WORDS = {
    "outcome": {"completed", "failed"},
    "reason": {*FailureReason, *Reason},
    "service": set(Service),
    "how": set(LEFT),
    "kind": {"in", "out", "cached"},
    "job": {"llm-worker", "vllm"},
    "alertstate": {"firing"},
    "alertname": {"LlmWorker.*"},
    "why": set(re.findall(r"(\w+) \(", BLOCKED.sentence)),
}


@pytest.mark.parametrize("name", ASKED)
def test_words_are_those_that_workers_use(name: str) -> None:
    """A label that is matched by a word that nobody says matches nothing, for ever."""
    said = {(label, word) for label, word in words(filled(ASKED[name])) if word != ".*"}
    assert {(label, word) for label, word in said if word not in WORDS[label]} == set()
