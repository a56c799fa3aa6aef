"""Numbers that are counted, and how Prometheus sees them when somebody looks.

A third of what prometheus_client's own counters cost: those take a lock for each number, and here
everybody is on the event loop's thread. Nothing else may count.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from worker.observability.catalogue.metric import Metric

Labels = tuple[str, ...]


class Tally(Collector):
    """A counter's numbers by the values of its labels, in their order."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._counts: dict[Labels, float] = {}

    def add(self, labels: Labels, count: float = 1.0) -> None:
        """Count so many more; 0 makes the series be there, so that its first rise is seen."""
        self._counts[labels] = self._counts.get(labels, 0.0) + count

    def collect(self) -> Iterator[CounterMetricFamily]:
        """For `CollectorRegistry`."""
        yield counter(self._metric, self._counts)


class Timings(Collector):
    """A histogram's numbers."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._bounds = metric.buckets
        self._names = [*map(str, metric.buckets), "+Inf"]
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, labels: Labels, seconds: float) -> None:
        """It took so long; what two machines' clocks make less than nothing is nothing."""
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * len(self._names)
            self._sums[labels] = 0.0
        seconds = max(seconds, 0.0)
        counts[bisect_left(self._bounds, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """For `CollectorRegistry`."""
        metric = self._metric
        family = HistogramMetricFamily(metric.name, metric.sentence, labels=metric.labels)
        for labels, counts in self._counts.items():
            buckets = list(zip(self._names, accumulate(map(float, counts)), strict=True))
            family.add_metric(labels, buckets, self._sums[labels])
        yield family


def counter(metric: Metric, counts: Mapping[Labels, float]) -> CounterMetricFamily:
    """A counter with these numbers."""
    family = CounterMetricFamily(metric.name, metric.sentence, labels=metric.labels)
    for labels, count in counts.items():
        family.add_metric(labels, count)
    return family


def gauge(metric: Metric, values: Mapping[Labels, float]) -> GaugeMetricFamily:
    """A gauge with these values."""
    family = GaugeMetricFamily(metric.name, metric.sentence, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
