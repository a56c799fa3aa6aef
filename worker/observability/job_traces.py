"""A job's traces: a span for each try, joined to its producer's trace and linked to the try before.

producer's span
  ├─ process <stream>       the first try: it fails
  │    └─ chat <model>
  └─ process <stream>       the second, linked to the first; it goes on to the job's end
       ├─ chat <model>
       └─ PATCH /llm_jobs/{id}
"""

from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
)
from opentelemetry.util.types import AttributeValue

from shared.redis_streams import GROUP, Keys
from worker.job import Job
from worker.observability import trace_names as names
from worker.observability.otel import Collector, TracedSpan, parent_of
from worker.observability.trace_ids import span_id, trace_id
from worker.outcome import Failed, Outcome
from worker.retry import Retry, Wait
from worker.tracing import enter

_LET_GO_MAX = 1_000


@dataclass(slots=True)
class _Trail:
    """A job's spans: what they belong to, the one that is open, the one before."""

    parent: Context
    trace: int
    span: TracedSpan | None
    last: SpanContext


class JobTraces:
    """The `Witness` that makes spans.

    Args:
        collector: where they go.
        keys: the names in Redis.
        consumer: this worker's name in the group.
    """

    def __init__(self, collector: Collector, keys: Keys, consumer: str) -> None:
        self._collector = collector
        self._keys = keys
        self._consumer = consumer
        self._trails: dict[Job, _Trail] = {}
        self._let_go: dict[str, SpanContext] = {}
        """Entries that this worker had and did not end, the newest; they may come back to it."""

    def __len__(self) -> int:
        """Jobs whose spans are not all ended."""
        return len(self._trails)

    def seen(self, job: Job) -> None:
        """Begin the span of the first try: reading and admitting the entry belong to it."""
        facts = job.facts
        parent = parent_of(facts and facts.traceparent, facts and facts.tracestate)
        stream, entry_id = self._keys.stream(job.entry.job_type), job.entry.entry_id
        known = get_current_span(parent).get_span_context()
        own = trace_id(stream, entry_id, job.job_id or "")
        trace = known.trace_id if known.is_valid else own
        earlier = self._earlier(job, trace)
        again = f"{stream} {entry_id}" in self._let_go
        first = None if again else span_id(stream, entry_id, self._consumer)
        span = self._begin(job, _Place(parent, trace, first), earlier, "redelivery")
        self._trails[job] = _Trail(parent, trace, span, span.otel.get_span_context())
        enter(span)

    def started(self, job: Job) -> None:
        """Begin the span of another try."""
        trail = self._trails[job]
        if trail.span is None:
            trail.span = self._begin(
                job, _Place(trail.parent, trail.trace, None), trail.last, "retry"
            )
            trail.last = trail.span.otel.get_span_context()
            enter(trail.span)
        trail.span.otel.set_attribute(names.ATTEMPT, job.attempts + 1)

    def retried(self, job: Job, why: Retry | Wait) -> None:
        """End a try that has failed."""
        trail = self._trails[job]
        if trail.span is not None:
            trail.span.otel.set_attribute(names.OUTCOME, type(why).__name__.lower())
            if why.after_s is not None:
                trail.span.otel.set_attribute(names.RETRY_AFTER, round(why.after_s, 3))
            trail.span.end(why.cause or "other")
            trail.span = None

    def told(self, job: Job, outcome: Outcome) -> None:
        """Its own span has told it."""

    def ended(self, job: Job, outcome: Outcome) -> None:
        """End the last try's span with what came of the job."""
        trail = self._trails.pop(job, None)
        if trail is None or trail.span is None:
            return
        for name, value in _end_of(job, outcome).items():
            trail.span.otel.set_attribute(name, value)
        failed = isinstance(outcome, Failed)
        trail.span.end((outcome.cause or str(outcome.reason)) if failed else "")

    def left(self, job: Job, how: str) -> None:
        """End the span of a job that goes to another worker, or comes again."""
        trail = self._trails.pop(job, None)
        if trail is None:
            return
        entry = f"{self._keys.stream(job.entry.job_type)} {job.entry.entry_id}"
        self._let_go[entry] = trail.last
        if len(self._let_go) > _LET_GO_MAX:
            del self._let_go[next(iter(self._let_go))]
        if trail.span is not None:
            trail.span.otel.set_attribute(names.OUTCOME, how)
            trail.span.end("" if how == "handed_back" else how)

    # ------------------------------------------------------------------ making them

    def _earlier(self, job: Job, trace: int) -> SpanContext | None:
        """The span of whoever had the entry before, if somebody had."""
        stream, entry_id = self._keys.stream(job.entry.job_type), job.entry.entry_id
        holder = job.entry.taken_from
        mine = self._let_go.get(f"{stream} {entry_id}")
        if mine is not None and holder in {"", self._consumer}:
            return mine
        if not holder:
            return None
        theirs = span_id(stream, entry_id, holder)
        return SpanContext(trace, theirs, is_remote=True, trace_flags=TraceFlags(1))

    def _begin(
        self, job: Job, place: "_Place", earlier: SpanContext | None, kind: str
    ) -> TracedSpan:
        stream = self._keys.stream(job.entry.job_type)
        attributes: dict[str, AttributeValue] = {
            names.SYSTEM: names.REDIS,
            names.OPERATION_NAME: "process",
            names.OPERATION_TYPE: "process",
            names.DESTINATION: stream,
            names.GROUP: GROUP,
            names.CLIENT: self._consumer,
            names.MESSAGE: job.entry.entry_id,
            names.JOB_TYPE: job.entry.job_type,
            names.DELIVERIES: job.entry.deliveries,
            names.WAIT: round(job.wait_s, 3),
        }
        if job.job_id is not None:
            attributes[names.JOB_ID] = job.job_id
        links = () if earlier is None else (Link(earlier, {names.EARLIER: kind}),)
        with self._collector.ids.foretold(place.trace, place.span):
            return self._collector.begin(
                f"process {stream}", SpanKind.CONSUMER, attributes, place.parent, links
            )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a span stands: under whom, in which trace if under nobody, under which id if known."""

    parent: Context
    trace: int
    span: int | None


def _end_of(job: Job, outcome: Outcome) -> dict[str, AttributeValue]:
    """What came of a job, and what it took in this worker."""
    told: dict[str, AttributeValue] = {
        names.OUTCOME: outcome.kind,
        names.CALLS: job.usage.calls,
        names.OF_WORDS["tokens_in"]: job.usage.tokens_in,
        names.OF_WORDS["tokens_out"]: job.usage.tokens_out,
    }
    if job.attempts:
        told[names.ATTEMPT] = job.attempts
    if isinstance(outcome, Failed):
        told[names.REASON] = str(outcome.reason)
    return told
