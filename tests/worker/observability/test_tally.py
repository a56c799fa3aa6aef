"""Numbers that are counted, as prometheus_client's own would be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

from worker.observability.catalogue.metric import Kind, Metric
from worker.observability.tally import Tally, Timings

JOBS = Metric("jobs_total", Kind.COUNTER, "Jobs.", ("kind",))
TOOK = Metric("took_seconds", Kind.HISTOGRAM, "Took.", ("kind",), (0.5, 1.0, 2.5))


def exposed(collector: Collector) -> bytes:
    """What Prometheus is shown."""
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)


def without_created(text: bytes) -> bytes:
    """The library also says since when it counts."""
    return b"\n".join(line for line in text.split(b"\n") if b"_created" not in line)


def test_a_counter() -> None:
    """By its labels; what is not counted yet may be there as well."""
    tally = Tally(JOBS)
    assert b"jobs_total{" not in exposed(tally)
    tally.add(("a",), 0)
    tally.add(("b",))
    tally.add(("b",), 2.5)
    text = exposed(tally)
    assert b"# HELP jobs_total Jobs.\n# TYPE jobs_total counter\n" in text
    assert b'jobs_total{kind="a"} 0.0\njobs_total{kind="b"} 3.5\n' in text


@given(st.lists(st.floats(0, 5)), st.text())
def test_it_is_what_the_library_makes_of_it(values: list[float], label: str) -> None:
    """Bounds belong to their bucket, buckets add up, and every label is escaped."""
    registry = CollectorRegistry()
    histogram = Histogram(
        "took_seconds", "Took.", ["kind"], registry=registry, buckets=(0.5, 1, 2.5)
    )
    counter = Counter("jobs", "Jobs.", ["kind"], registry=registry)
    timings, tally = Timings(TOOK), Tally(JOBS)
    for value in values:
        histogram.labels(label).observe(value)
        counter.labels(label).inc(value)
        timings.observe((label,), value)
        tally.add((label,), value)
    theirs = without_created(generate_latest(registry))
    assert exposed(timings) + exposed(tally) == theirs


def test_no_time_is_less_than_none() -> None:
    """Two machines' clocks may say so; a sum that falls would look like a restart."""
    timings = Timings(TOOK)
    timings.observe(("a",), -3.0)
    text = exposed(timings)
    assert b'took_seconds_bucket{kind="a",le="0.5"} 1.0' in text
    assert b'took_seconds_sum{kind="a"} 0.0' in text


@pytest.mark.parametrize("seconds", [1e9, float("inf")])
def test_longer_than_every_bucket(seconds: float) -> None:
    """Counted all the same."""
    timings = Timings(TOOK)
    timings.observe(("a",), seconds)
    text = exposed(timings)
    assert b'took_seconds_bucket{kind="a",le="2.5"} 0.0' in text
    assert b'took_seconds_bucket{kind="a",le="+Inf"} 1.0' in text
