"""Every metric there is: its name, kind and labels, and the one sentence that says what it means.

The numbers are counted elsewhere, in the files that this one's names lead to; docs/metrics.md is
made of this: `python -m worker.observability.documented`. Base units (seconds, bytes, tokens).
Labels are few and of fixed words: settings, job types, causes (`words.py` sees to that); never
anything from a payload or from a model's answer.

Imports nothing: the parent of several processes needs it, and is to stay small.
"""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "llm_worker_"
FLEET = f"{PREFIX}fleet_"
"""What begins so is the same on every worker that looks at the same Redis."""

_CALL_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
"""A tag is a fraction of a second, a page of a document the best part of a minute."""
_JOB_S = (0.01, 0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0)
"""From a step that takes no time to an hour in the queue."""
_LAG_S = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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


def _counter(name: str, sentence: str, *labels: str) -> Metric:
    return Metric(f"{PREFIX}{name}_total", Kind.COUNTER, sentence, labels)


def _gauge(name: str, sentence: str, *labels: str) -> Metric:
    return Metric(PREFIX + name, Kind.GAUGE, sentence, labels)


def _seconds(name: str, sentence: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(f"{PREFIX}{name}_seconds", Kind.HISTOGRAM, sentence, labels, buckets)


# ---------------------------------------------------------------------- the fleet, out of Redis

WAITING = _gauge("fleet_waiting_jobs", "Jobs that no worker has.", "job_type")
OLDEST_WAITING = _gauge(
    "fleet_oldest_waiting_seconds",
    "How long the oldest job that no worker has is in its stream; 0 where none waits.",
    "job_type",
)
IN_FLIGHT = _gauge(
    "fleet_in_flight_jobs",
    "Jobs that workers have: running, waiting for another try, or being delivered.",
    "job_type",
)
OLDEST_IN_FLIGHT = _gauge(
    "fleet_oldest_in_flight_seconds",
    "How long the oldest job that a worker has is in its stream; 0 where there is none.",
    "job_type",
)
OUTBOX = _gauge(
    "fleet_outbox_outcomes", "Answers that are recorded and not yet delivered to Core.", "job_type"
)
DEAD_LETTERS = _gauge("fleet_dead_letters", "Dead letters that are kept now.")
PAUSED = _gauge(
    "fleet_paused", "Whether operators have paused a job type (1) or not (0).", "job_type"
)
PAUSED_TENANTS = _gauge("fleet_paused_tenants", "Tenants whose jobs operators have paused.")
BUDGET_SPENT = _gauge(
    "fleet_budget_spent_tokens", "Tokens used of this UTC day's budget, by all workers.", "provider"
)
BUDGET_LIMIT = _gauge(
    "fleet_budget_limit_tokens", "The budget: tokens that may be used in a UTC day.", "provider"
)
REDIS_UP = _gauge(
    "redis_up",
    "Whether the last look at Redis worked (1) or not (0); then the fleet's jobs are left out.",
)

# ---------------------------------------------------------------------- jobs

CLAIMED = _counter("jobs_claimed", "Jobs that were taken, those taken over included.", "job_type")
RECLAIMED = _counter(
    "jobs_reclaimed",
    "Jobs that were taken over from another worker: it died, stood still or handed them back.",
    "job_type",
)
TRIES = _counter("job_tries", "Times that a handler went to work on a job.", "job_type")
RETRIES = _counter(
    "job_retries", "Tries that failed and were spent, with another to follow.", "job_type", "cause"
)
WAITS = _counter(
    "job_waits",
    "Tries that failed because a service was away or full: none was spent.",
    "job_type",
    "service",
    "cause",
)
JOBS = _counter(
    "jobs",
    "Jobs that have ended, and for failed ones (dead letters) why.",
    "job_type",
    "outcome",
    "reason",
    "cause",
)
LEFT = _counter(
    "jobs_left",
    "Jobs that this worker did not end: handed_back, lease_lost, or worker_bug.",
    "job_type",
    "how",
)
LAST_END = _gauge(
    "job_last_end_timestamp_seconds",
    "When the worker last ended a job, in Unix seconds; before the first one its own start.",
    "job_type",
)
JOB_SECONDS = _seconds("job", "From XADD to the end of a job.", _JOB_S, "job_type", "outcome")
STAGE_SECONDS = _seconds(
    "job_stage",
    "A job's time by stage: wait (in its stream), park (here: for a slot, another try, a service), "
    "prepare (the handler without the model), model, record (into the outbox), deliver (to Core), "
    "settle (off its stream).",
    _JOB_S,
    "job_type",
    "stage",
)

# ---------------------------------------------------------------------- what the worker is doing

HELD = _gauge(
    "jobs_held",
    "Jobs in this worker's hands, by where they are in their life.",
    "job_type",
    "stage",
)
HELD_MAX = _gauge("jobs_held_max", "How many jobs this worker may hold.")
SLOTS_USED = _gauge("slots_used", "Slots in use: jobs that may ask the model now.")
SLOTS = _gauge("slots", "Slots there are: how many jobs may ask the model at once.")
BLOCKED = _gauge(
    "claiming_blocked",
    "Why nothing is claimed, 1 beside each reason that holds: no_room (every slot is in use), "
    "undelivered (too much waits for Core), model_away, core_away, unmarked (what is paused has "
    "not been read yet), draining.",
    "why",
)
AWAY = _gauge(
    "service_away",
    "Whether jobs wait for a service, model or core, to come back (1) or not (0).",
    "service",
)
UNDELIVERED = _gauge("undelivered_outcomes", "Answers of this worker that wait for Core.")
UNDELIVERED_BYTES = _gauge("undelivered_bytes", "The size of the answers that wait for Core.")
DRAINING = _gauge("draining", "Whether the worker is on its way out (1) or not (0).")
HALTED = _gauge(
    "halted",
    "Whether the worker cannot go on and hands its jobs back (1); it is gone moments later.",
)
LOOP_AGE = _gauge(
    "loop_age_seconds",
    "Since when a loop that must move has not: claim or leases; /live fails when it is too long.",
    "loop",
)
LAG = _seconds("event_loop_lag", "How late the event loop was for a timer, twice a second.", _LAG_S)
EVENTS_DROPPED = _counter("events_dropped", "Lifecycle events that could not be told.")
BUILD = _gauge("build_info", "Always 1; which version runs on which Python.", "version", "python")

# ---------------------------------------------------------------------- the model

CALLS = _counter(
    "llm_calls", "Calls to model servers, by how they ended.", "provider", "model", "outcome"
)
CALL_SECONDS = _seconds(
    "llm_call",
    "What a call to a model server took, whatever came of it.",
    _CALL_S,
    "provider",
    "model",
)
FINISHES = _counter(
    "llm_finishes",
    "Answers by how the server says they ended; words that nobody knows are other.",
    "provider",
    "model",
    "finish_reason",
)
FAULTS = _counter(
    "llm_faults",
    "Answers that could not be used, by the check they failed: truncated, invalid_json, "
    "schema_mismatch, ungrounded …",
    "job_type",
    "cause",
)
REASKS = _counter(
    "llm_reasks", "Questions asked once more: the answer could not be used.", "job_type"
)
REPAIRED = _counter(
    "llm_repaired", "Answers whose JSON had to be mended before it could be read.", "job_type"
)
DROPPED = _counter(
    "llm_dropped", "Parts of answers left out because they did not hold.", "job_type"
)
TOKENS = _counter(
    "llm_tokens",
    "Tokens that ended jobs used: read (in), of those from the server's cache (cached), "
    "written (out).",
    "job_type",
    "provider",
    "model",
    "kind",
)
COST = _counter(
    "llm_cost",
    "What ended jobs have cost, where LLM_PRICES_FILE names the model.",
    "job_type",
    "provider",
    "model",
    "currency",
)
BREAKER = _gauge(
    "llm_breaker_state",
    "Whether a model server is used (0), being tried (1) or left alone (2).",
    "provider",
    "server",
)
BREAKER_OPENINGS = _counter(
    "llm_breaker_openings", "Times that a model server was left alone.", "provider", "server"
)
BROKEN = _gauge(
    "llm_server_broken",
    "Whether a model server is set up so that it can never work (1): a wrong key or model.",
    "provider",
    "server",
)
IN_USE = _gauge(
    "llm_provider_in_use",
    "Whether calls go to this provider (1); of several, the first one that is well.",
    "provider",
)
LIMIT = _gauge(
    "llm_limit", "Calls that a model server is sent at once.", "provider", "server", "role"
)
LIMIT_REASON = _gauge(
    "llm_limit_reason",
    "Why a limit is what it is: 1 beside the reason.",
    "provider",
    "server",
    "role",
    "reason",
)
CALLS_IN_FLIGHT = _gauge(
    "llm_in_flight",
    "Calls that a model server has of this worker now.",
    "provider",
    "server",
    "role",
)
SERVER_WAITING = _gauge(
    "llm_server_waiting",
    "Requests in a model server's own queue, as it told.",
    "provider",
    "server",
    "role",
)

# ---------------------------------------------------------------------- Core

CORE_REQUESTS = _counter(
    "core_requests",
    "Requests to Core by how they ended: ok, http_<status>, timeout or connection_error.",
    "route",
    "outcome",
)
CORE_SECONDS = _seconds("core_request", "What a request to Core took.", _REQUEST_S, "route")

# ---------------------------------------------------------------------- of several processes

PROCESS_UP = _gauge("process_up", "Whether a process runs and answers (1) or not (0).", "process")
PROCESS_DEATHS = _counter(
    "process_deaths", "Processes that ended unasked, and were replaced.", "process"
)


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics that belong together, for the documentation."""

    title: str
    metrics: tuple[Metric, ...]


PROCESS = Group(
    "The process, on Linux (names that every Prometheus client uses)",
    (
        Metric("process_cpu_seconds_total", Kind.COUNTER, "Processor time, user and system."),
        Metric("process_resident_memory_bytes", Kind.GAUGE, "Memory it has now."),
        Metric("process_virtual_memory_bytes", Kind.GAUGE, "Address space it has now."),
        Metric("process_start_time_seconds", Kind.GAUGE, "When it began, in Unix seconds."),
        Metric("process_open_fds", Kind.GAUGE, "Files and connections that are open."),
        Metric("process_max_fds", Kind.GAUGE, "How many may be."),
    ),
)
OF_PARENT = Group("Of `run --processes N`, from the parent alone", (PROCESS_UP, PROCESS_DEATHS))

# fmt: off
GROUPS = (
    Group("The fleet, out of Redis", (
        WAITING, OLDEST_WAITING, IN_FLIGHT, OLDEST_IN_FLIGHT, OUTBOX, DEAD_LETTERS, PAUSED,
        PAUSED_TENANTS, BUDGET_SPENT, BUDGET_LIMIT, REDIS_UP,
    )),
    Group("Jobs", (
        CLAIMED, RECLAIMED, TRIES, RETRIES, WAITS, JOBS, LEFT, LAST_END, JOB_SECONDS, STAGE_SECONDS,
    )),
    Group("What the worker is doing", (
        HELD, HELD_MAX, SLOTS_USED, SLOTS, BLOCKED, AWAY, UNDELIVERED, UNDELIVERED_BYTES, DRAINING,
        HALTED, LOOP_AGE, LAG, EVENTS_DROPPED, BUILD,
    )),
    Group("The model", (
        CALLS, CALL_SECONDS, FINISHES, FAULTS, REASKS, REPAIRED, DROPPED, TOKENS, COST, BREAKER,
        BREAKER_OPENINGS, BROKEN, IN_USE, LIMIT, LIMIT_REASON, CALLS_IN_FLIGHT, SERVER_WAITING,
    )),
    Group("Core", (CORE_REQUESTS, CORE_SECONDS)),
    PROCESS,
    OF_PARENT,
)
# fmt: on
"""All of them, in the order of the documentation."""
