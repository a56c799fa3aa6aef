"""What the worker counts, as `GET /metrics` on the health port shows it.

To add some: a name with its sentence in `catalogue/`, and who counts it: here what is told call by
call, in `job_metrics` what is told of jobs, in the other files what is read when somebody looks.
"""

import platform
from collections.abc import Callable, Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.clock import Clock
from worker.llm.breaker import State
from worker.llm.chat import Completion
from worker.llm.prices import NO_PRICES, Prices
from worker.observability import words
from worker.observability.budget_metrics import BudgetMetrics
from worker.observability.catalogue import core as of_core
from worker.observability.catalogue import doing
from worker.observability.catalogue import model as of_model
from worker.observability.fleet_metrics import FleetMetrics, Look
from worker.observability.job_metrics import JobMetrics
from worker.observability.lag import LagWatch
from worker.observability.server_metrics import ServerMetrics, Servers
from worker.observability.tally import Labels, Tally, Timings, gauge
from worker.observability.worker_metrics import Sight, WorkerMetrics

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Every metric of one worker, in a registry of its own; implements `CallObserver`.

    Args:
        prices: what tokens cost.
        clock: the time.

    Attributes:
        jobs: what is counted of jobs.
        lag: what finds out how late the event loop is; `run` must be running.
    """

    def __init__(self, prices: Prices = NO_PRICES, clock: Clock | None = None) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock or Clock()
        self.jobs = JobMetrics(self.registry, prices, self._clock)
        self._calls, self._finishes = Tally(of_model.CALLS), Tally(of_model.FINISHES)
        self._call_seconds = Timings(of_model.CALL_SECONDS)
        self._openings = Tally(of_model.BREAKER_OPENINGS)
        self._core = Tally(of_core.CORE_REQUESTS)
        self._core_seconds = Timings(of_core.CORE_SECONDS)
        self.lag = LagWatch(self._clock)
        self._budgets = BudgetMetrics()
        self._fleet: FleetMetrics | None = None
        model_side = (self._calls, self._finishes, self._call_seconds, self._openings)
        for counted in (*model_side, self._core, self._core_seconds, self.lag.lags, self._budgets):
            self.registry.register(counted)
        ProcessCollector(registry=self.registry)

    async def refresh(self) -> None:
        """Ask Redis what it knows of the fleet, if that is due."""
        if self._fleet is not None:
            await self._fleet.refresh()

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format, see `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    # ------------------------------------------------------------------ what is told

    def called(
        self, provider: str, model: str, outcome: str, seconds: float, completion: Completion | None
    ) -> None:
        """A call has ended; see `CallObserver`."""
        self._calls.add((provider, model, words.cause(outcome or "unknown")))
        self._call_seconds.observe((provider, model), seconds)
        if completion is not None:  # its tokens are counted with the job that they were used for
            self._finishes.add((provider, model, words.finish(completion.finish_reason)))

    def breaker(self, provider: str, server: str, state: str) -> None:
        """A server is `closed`, `half_open` or `open`; see `CallObserver`."""
        if state == State.OPEN:
            self._openings.add((provider, server))

    def core_answered(self, route: str, outcome: str, seconds: float) -> None:
        """A request to Core has ended; see `worker.core_api_client`."""
        self._core.add((route, words.core_outcome(outcome)))
        self._core_seconds.observe((route,), seconds)

    # ------------------------------------------------------------------ what is looked at

    def watch_servers(self, servers: Servers) -> None:
        """Show how the model servers are."""
        for replica in servers.replicas:
            self._openings.add((replica.provider, replica.server), 0)
        self.registry.register(ServerMetrics(servers))

    def watch_worker(self, sight: Sight, version: str) -> None:
        """Show what the worker is doing, and which version of it does it."""
        self.registry.register(WorkerMetrics(sight))
        self.registry.register(_Build((version, platform.python_version())))

    def watch_fleet(self, look: Look) -> None:
        """Show what Redis knows of the fleet."""
        self._fleet = FleetMetrics(look, self._clock.elapsed)
        self.registry.register(self._fleet)

    def watch_budget(self, provider: str, limit: int, spent: Callable[[], int]) -> None:
        """Show a provider's budget.

        Args:
            provider: the preset's name.
            limit: tokens a day.
            spent: asked each time somebody looks; returns at once.
        """
        self._budgets.watch(provider, limit, spent)


class _Build(Collector):
    """What runs here."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Always 1."""
        yield gauge(doing.BUILD, {self._labels: 1})
