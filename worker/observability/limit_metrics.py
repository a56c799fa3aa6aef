"""What a worker's limits are, read from them each time somebody looks."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.llm.limit import LimitFacts

_LABELS = ("provider", "server", "role")


class LimitMetrics(Collector):
    """The gauges of every limit.

    Args:
        limits: returns at once.
    """

    def __init__(self, limits: Callable[[], Sequence[LimitFacts]]) -> None:
        self._limits = limits

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All of them, for `CollectorRegistry`."""
        limit = _gauge("limit", "Calls that a model server is sent at once.")
        in_flight = _gauge("in_flight", "Calls that a model server has of this worker now.")
        waiting = _gauge("server_waiting", "Requests in a model server's own queue, as it told.")
        why = _gauge("limit_reason", "Why a limit is what it is: 1 beside the reason.", "reason")
        for facts in self._limits():
            labels = (facts.provider, facts.server, facts.role)
            limit.add_metric(labels, facts.limit)
            in_flight.add_metric(labels, facts.in_flight)
            why.add_metric((*labels, str(facts.reason)), 1)
            if facts.waiting is not None:
                waiting.add_metric(labels, facts.waiting)
        yield from (limit, in_flight, waiting, why)


def _gauge(name: str, sentence: str, *more: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"llm_worker_llm_{name}", sentence, labels=(*_LABELS, *more))
