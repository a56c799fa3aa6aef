"""What a metric is before anything is counted: its name, kind, labels, and its one sentence.

Imports nothing: the parent of several processes needs it, and is to stay small.
"""

from dataclasses import dataclass, field
from enum import StrEnum

PREFIX = "llm_worker_"
FLEET = f"{PREFIX}fleet_"
"""What begins so is the same on every worker that looks at the same Redis."""


class Kind(StrEnum):
    """As Prometheus calls them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: as it is exposed, a counter's with its `_total`.
        buckets: a histogram's upper bounds, in ascending order, without the infinite one.
    """

    name: str
    kind: Kind
    sentence: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


@dataclass(slots=True)
class Group:
    """Metrics that belong together; its methods make them.

    Attributes:
        title: of their table in the documentation.
        prefix: of their names.
        metrics: those made, in their order.
    """

    title: str
    prefix: str = PREFIX
    metrics: list[Metric] = field(default_factory=list[Metric])

    def counter(self, name: str, sentence: str, *labels: str) -> Metric:
        """One that only grows; its name without `_total`."""
        return self._made(Metric(f"{self.prefix}{name}_total", Kind.COUNTER, sentence, labels))

    def gauge(self, name: str, sentence: str, *labels: str) -> Metric:
        """One that goes up and down."""
        return self._made(Metric(self.prefix + name, Kind.GAUGE, sentence, labels))

    def seconds(self, name: str, sentence: str, buckets: tuple[float, ...], *labels: str) -> Metric:
        """How often something took how long; its name without `_seconds`."""
        name = f"{self.prefix}{name}_seconds"
        return self._made(Metric(name, Kind.HISTOGRAM, sentence, labels, buckets))

    def _made(self, metric: Metric) -> Metric:
        self.metrics.append(metric)
        return metric
