"""Each provider's tokens of the day, for all workers."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.observability.catalogue import fleet as named
from worker.observability.tally import gauge


class BudgetMetrics(Collector):
    """The gauges of those that have a budget."""

    def __init__(self) -> None:
        self._budgets: dict[str, tuple[int, Callable[[], int]]] = {}

    def watch(self, provider: str, limit: int, spent: Callable[[], int]) -> None:
        """Show one more; `spent` returns at once."""
        self._budgets[provider] = (limit, spent)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All of them, for `CollectorRegistry`."""
        budgets = self._budgets.items()
        yield gauge(named.BUDGET_SPENT, {(name,): spent() for name, (_, spent) in budgets})
        yield gauge(named.BUDGET_LIMIT, {(name,): limit for name, (limit, _) in budgets})
