"""What the worker counts, as `GET /metrics` on the health port shows it.

To add some: a field here with its sentence, and the method that those who know call; or a group in
a file of its own, as `job_metrics`. Base units (seconds, tokens). Labels are few and of fixed
words: settings, job types, causes; never anything from a payload or from a model's answer.
"""

from collections.abc import Callable, Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from worker.llm.chat import Completion
from worker.llm.limit import LimitFacts
from worker.observability.job_metrics import JobMetrics
from worker.observability.limit_metrics import LimitMetrics

CONTENT_TYPE = CONTENT_TYPE_LATEST
_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
"""A tag is a fraction of a second, a page of a document the best part of a minute."""
_BREAKER = {"closed": 0, "half_open": 1, "open": 2}

# Beside every counter it would say since when that counts: twice the lines for a start we know.
disable_created_metrics()


class Metrics:
    """Every metric of one worker, in a registry of its own; implements `CallObserver`.

    Attributes:
        jobs: what is counted of jobs.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.jobs = JobMetrics(self.registry)
        self._calls = Counter(
            "llm_worker_llm_calls",
            "Calls to model servers, by how they ended.",
            ["provider", "model", "outcome"],
            registry=self.registry,
        )
        self._call_seconds = Histogram(
            "llm_worker_llm_call_seconds",
            "What a call to a model server took, whatever came of it.",
            ["provider", "model"],
            registry=self.registry,
            buckets=_CALL_SECONDS,
        )
        self._breaker = Gauge(
            "llm_worker_llm_breaker_state",
            "Whether a model server is used (0), being tried (1) or left alone (2).",
            ["provider", "server"],
            registry=self.registry,
        )
        self._budget = Gauge(
            "llm_worker_llm_budget_tokens",
            "The fleet's tokens of this UTC day: used (spent), and how many may be (limit).",
            ["provider", "kind"],
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format, see `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def called(
        self, provider: str, model: str, outcome: str, seconds: float, completion: Completion | None
    ) -> None:
        """A call has ended; see `CallObserver`."""
        del completion  # its tokens are counted with the job that they were used for
        self._calls.labels(provider, model, outcome or "unknown").inc()
        self._call_seconds.labels(provider, model).observe(max(seconds, 0.0))

    def breaker(self, provider: str, server: str, state: str) -> None:
        """A server is `closed`, `half_open` or `open`; see `CallObserver`."""
        self._breaker.labels(provider, server).set(_BREAKER[state])

    def watch_limits(self, limits: Callable[[], Sequence[LimitFacts]]) -> None:
        """Show how much each model server is sent at once; asked each time somebody looks."""
        self.registry.register(LimitMetrics(limits))

    def watch_budget(self, provider: str, limit: int, spent: Callable[[], int]) -> None:
        """Show a provider's budget.

        Args:
            provider: the preset's name.
            limit: tokens a day.
            spent: asked each time somebody looks; returns at once.
        """
        self._budget.labels(provider, "limit").set(limit)
        self._budget.labels(provider, "spent").set_function(spent)
