"""What is counted of jobs: their steps as they happen, the rest when they have ended."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.redis_streams import WAITING
from shared.schemas import UsageReport
from worker.clock import Clock
from worker.job import Job
from worker.llm.prices import NO_PRICES, Prices, usage_report
from worker.observability import words
from worker.observability.catalogue import jobs as named
from worker.observability.catalogue import model as of_model
from worker.observability.catalogue.metric import Metric
from worker.observability.tally import Tally, Timings, gauge
from worker.outcome import Failed, Outcome
from worker.retry import Retry, Wait

LEFT = ("handed_back", "lease_lost", "worker_bug")
"""How a job leaves a worker that has not ended it; the words of `Witness.left`."""


class JobMetrics(Collector):
    """The `Witness` that counts into a registry.

    A job that is handed back is counted by the worker that ends it, without what it cost here.

    Args:
        registry: where the numbers are seen.
        prices: what tokens cost.
        clock: the time.
    """

    def __init__(
        self, registry: CollectorRegistry, prices: Prices = NO_PRICES, clock: Clock | None = None
    ) -> None:
        def tally(metric: Metric) -> Tally:
            made = Tally(metric)
            registry.register(made)
            return made

        self._prices = prices
        self._clock = clock or Clock()
        self._claimed, self._reclaimed = tally(named.CLAIMED), tally(named.RECLAIMED)
        self._tries, self._retries = tally(named.TRIES), tally(named.RETRIES)
        self._waits, self._left = tally(named.WAITS), tally(named.LEFT)
        self._jobs = tally(named.JOBS)
        self._faults, self._reasks = tally(of_model.FAULTS), tally(of_model.REASKS)
        self._repaired, self._dropped = tally(of_model.REPAIRED), tally(of_model.DROPPED)
        self._tokens, self._cost = tally(of_model.TOKENS), tally(of_model.COST)
        self._took, self._stages = Timings(named.JOB_SECONDS), Timings(named.STAGE_SECONDS)
        self._last_end: dict[tuple[str, ...], float] = {}
        for collector in (self._took, self._stages, self):
            registry.register(collector)

    def serve(self, job_types: Iterable[str]) -> None:
        """Show what is counted of these from the start: the first of each is a rise, too."""
        for name in map(str, job_types):
            of_type = (name,)
            plain = (self._claimed, self._reclaimed, self._tries)
            for tally in (*plain, self._reasks, self._repaired, self._dropped):
                tally.add(of_type, 0)
            self._jobs.add((name, "completed", "", ""), 0)
            for how in LEFT:
                self._left.add((name, how), 0)
            self._last_end[of_type] = self._clock.now()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """When a job last ended; the tallies tell the rest by themselves."""
        yield gauge(named.LAST_END, self._last_end)

    # ------------------------------------------------------------------ the steps

    def seen(self, job: Job) -> None:
        """As `Witness` says; so for each method here."""
        of_type = (job.entry.job_type,)
        self._claimed.add(of_type)
        if job.entry.taken_from not in {"", WAITING}:
            self._reclaimed.add(of_type)

    def started(self, job: Job) -> None:
        """A try."""
        self._tries.add((job.entry.job_type,))

    def retried(self, job: Job, why: Retry | Wait) -> None:
        """One that failed."""
        job_type, cause = job.entry.job_type, words.cause(why.cause)
        if isinstance(why, Retry):
            self._retries.add((job_type, cause))
        else:
            self._waits.add((job_type, str(why.service), cause))

    def told(self, job: Job, outcome: Outcome) -> None:
        """It is counted when it has ended."""

    def left(self, job: Job, how: str) -> None:
        """Somebody else will end it."""
        self._left.add((job.entry.job_type, how))

    def ended(self, job: Job, outcome: Outcome) -> None:
        """All the rest."""
        job_type = job.entry.job_type
        failed = isinstance(outcome, Failed)
        why = (str(outcome.reason), words.cause(outcome.cause)) if failed else ("", "")
        self._jobs.add((job_type, outcome.kind, *why))
        self._timed(job, outcome)
        if job.usage.calls:
            self._answered(job, job.spent or usage_report(job.usage, self._prices))

    # ------------------------------------------------------------------ the ends

    def _timed(self, job: Job, outcome: Outcome) -> None:
        job_type, now = job.entry.job_type, self._clock.now()
        self._last_end[job_type,] = now
        self._took.observe((job_type, outcome.kind), now - job.entry.enqueued_s)
        stages = self._stages
        stages.observe((job_type, "wait"), job.wait_s)
        worked_s = job.handler_s + job.deliver_s + job.settle_s
        stages.observe((job_type, "park"), now - job.claimed_at - worked_s)
        if job.handler_s:
            stages.observe((job_type, "prepare"), job.handler_s - job.usage.llm_s)
        if job.usage.calls:
            stages.observe((job_type, "model"), job.usage.llm_s)
        stages.observe((job_type, "record"), job.record_s)
        stages.observe((job_type, "deliver"), job.deliver_s - job.record_s)
        stages.observe((job_type, "settle"), job.settle_s)

    def _answered(self, job: Job, spent: UsageReport) -> None:
        job_type, usage = job.entry.job_type, job.usage
        for tally, count in (
            (self._reasks, usage.reasks),
            (self._repaired, usage.repaired),
            (self._dropped, usage.dropped),
        ):
            if count:
                tally.add((job_type,), count)
        for cause, count in usage.faults.items():
            self._faults.add((job_type, words.cause(cause)), count)
        for used in spent.models:
            labels = (job_type, used.provider, used.model)
            self._tokens.add((*labels, "in"), used.tokens_in)
            self._tokens.add((*labels, "out"), used.tokens_out)
            self._tokens.add((*labels, "cached"), used.tokens_cached)
            if used.cost is not None:
                self._cost.add((*labels, self._prices.currency), used.cost)
