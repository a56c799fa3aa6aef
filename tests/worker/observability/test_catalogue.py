"""The names of all metrics keep to Prometheus' conventions, whoever adds the next one."""

import re

import pytest

from worker.observability.catalogue import GROUPS
from worker.observability.catalogue.metric import FLEET, PREFIX, Group, Kind, Metric

METRICS = [metric for group in GROUPS for metric in group.metrics]
LABELS = {
    *("job_type", "outcome", "reason", "cause", "service", "how", "stage", "why", "loop"),
    *("provider", "model", "server", "role", "kind", "currency", "finish_reason", "route"),
    *("version", "python", "process"),
}
"""Fixed words, settings, or numbers that are few; a new one wants a thought."""
ONE_EACH = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


def test_no_name_is_used_twice() -> None:
    """Nor does one begin another's series: `x` beside a histogram's `x_count`."""
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    made = {m.name + end for m in METRICS if m.kind is Kind.HISTOGRAM for end in ("_sum", "_count")}
    assert not made & set(names)


@ONE_EACH
def test_a_name_says_its_unit_and_its_kind(metric: Metric) -> None:
    """Small letters, our prefix but for what is everybody's, `_total` for what only grows."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", metric.name)
    assert metric.name.startswith((PREFIX, "process_"))
    assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
    assert not re.search(r"_(ms|s|kb|mb|milliseconds|minutes)(_|$)", metric.name)
    assert metric.name.endswith("_seconds") or metric.kind is not Kind.HISTOGRAM


@ONE_EACH
def test_one_sentence(metric: Metric) -> None:
    """On one line of a table: it begins big and ends with its full stop."""
    assert metric.sentence[0].isupper()
    assert metric.sentence.endswith(".")
    assert not set("\n|`") & set(metric.sentence)


@ONE_EACH
def test_labels_are_known_words(metric: Metric) -> None:
    """No id, no tenant, no text: each label has few values."""
    assert set(metric.labels) <= LABELS
    assert len(set(metric.labels)) == len(metric.labels)


@ONE_EACH
def test_buckets_are_few_and_rise(metric: Metric) -> None:
    """Each is a series for each set of labels."""
    assert bool(metric.buckets) is (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert len(metric.buckets) <= 13


def test_the_fleet_has_a_prefix_of_its_own() -> None:
    """Its numbers are the same everywhere, so whoever reads them must not add them up."""
    [fleet] = [group for group in GROUPS if group.title.startswith("The fleet")]
    shared = [metric.name for metric in fleet.metrics if metric.name.startswith(FLEET)]
    assert len(shared) == len(fleet.metrics) - 1
    others = [m.name for group in GROUPS if group is not fleet for m in group.metrics]
    assert not [name for name in others if name.startswith(FLEET)]


def test_a_group_makes_what_it_lists() -> None:
    """In the order of the file."""
    group = Group("Some", "some_")
    made = [
        group.counter("jobs", "Jobs.", "job_type"),
        group.gauge("size_bytes", "Size."),
        group.seconds("call", "Calls.", (1.0, 2.0)),
    ]
    assert group.metrics == made
    assert [m.name for m in made] == ["some_jobs_total", "some_size_bytes", "some_call_seconds"]
