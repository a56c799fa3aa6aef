"""What is counted of jobs when they have ended: their end, their tokens, their cost."""

from prometheus_client import CollectorRegistry, Counter

from shared.schemas import UsageReport
from worker.job import Job
from worker.outcome import Failed, Outcome


class JobMetrics:
    """Counts jobs into a registry.

    A job that is handed back is counted by the worker that ends it, without what it cost here.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"llm_worker_{name}", what, ["job_type", *labels], registry=registry)

        self._found: dict[tuple[Counter, tuple[str, ...]], Counter] = {}
        model = ("provider", "model")
        why = ("outcome", "reason", "cause")
        self._jobs = counter("jobs", "Jobs that have ended, and for failed ones why.", *why)
        what = "Tokens that jobs used: read (in), of those from the server's cache, written (out)."
        self._tokens = counter("llm_tokens", what, *model, "kind")
        what = "What jobs have cost, where LLM_PRICES_FILE names the model."
        self._cost = counter("llm_cost", what, *model, "currency")
        what = "Questions asked once more: the answer could not be used."
        self._reasks = counter("llm_reasks", what)
        what = "Answers whose JSON had to be mended before it could be read."
        self._repaired = counter("llm_repaired", what)
        what = "Parts of answers left out because they did not hold."
        self._dropped = counter("llm_dropped", what)

    def ended(self, job: Job, outcome: Outcome, spent: UsageReport, currency: str) -> None:
        """A job has ended.

        Args:
            job: whose usage is counted.
            outcome: what came of it.
            spent: its usage with what it cost.
            currency: of these costs.
        """
        job_type = job.entry.job_type
        failed = isinstance(outcome, Failed)
        why = (str(outcome.reason), outcome.cause) if failed else ("", "")
        self._one(self._jobs, job_type, outcome.kind, *why).inc()
        self._one(self._reasks, job_type).inc(job.usage.reasks)
        self._one(self._repaired, job_type).inc(job.usage.repaired)
        self._one(self._dropped, job_type).inc(job.usage.dropped)
        for used in spent.models:
            labels = (job_type, used.provider, used.model)
            self._one(self._tokens, *labels, "in").inc(used.tokens_in)
            self._one(self._tokens, *labels, "out").inc(used.tokens_out)
            self._one(self._tokens, *labels, "cached").inc(used.tokens_cached)
            if used.cost is not None:
                self._one(self._cost, *labels, currency).inc(used.cost)

    def _one(self, counter: Counter, *labels: str) -> Counter:
        """The counter of these labels, found once: looking it up costs three times the counting."""
        found = self._found.get((counter, labels))
        if found is None:
            found = self._found[counter, labels] = counter.labels(*labels)
        return found
