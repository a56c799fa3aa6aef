"""The fleet as Redis has it: the same on every worker."""

from worker.observability.catalogue.metric import Group

GROUP = Group("The fleet, out of Redis")

WAITING = GROUP.gauge("fleet_waiting_jobs", "Jobs that no worker has.", "job_type")
OLDEST_WAITING = GROUP.gauge(
    "fleet_oldest_waiting_seconds",
    "How long the oldest job that no worker has is in its stream; 0 where none waits.",
    "job_type",
)
IN_FLIGHT = GROUP.gauge(
    "fleet_in_flight_jobs",
    "Jobs that workers have: running, waiting for another try, or being delivered.",
    "job_type",
)
OLDEST_IN_FLIGHT = GROUP.gauge(
    "fleet_oldest_in_flight_seconds",
    "How long the oldest job that a worker has is in its stream; 0 where there is none.",
    "job_type",
)
OUTBOX = GROUP.gauge(
    "fleet_outbox_outcomes", "Answers that are recorded and not yet delivered to Core.", "job_type"
)
DEAD_LETTERS = GROUP.gauge("fleet_dead_letters", "Dead letters that are kept now.")
PAUSED = GROUP.gauge(
    "fleet_paused", "Whether operators have paused a job type (1) or not (0).", "job_type"
)
PAUSED_TENANTS = GROUP.gauge("fleet_paused_tenants", "Tenants whose jobs operators have paused.")
BUDGET_SPENT = GROUP.gauge(
    "fleet_budget_spent_tokens", "Tokens used of this UTC day's budget, by all workers.", "provider"
)
BUDGET_LIMIT = GROUP.gauge(
    "fleet_budget_limit_tokens", "The budget: tokens that may be used in a UTC day.", "provider"
)
REDIS_UP = GROUP.gauge(
    "redis_up",
    "Whether Redis, at the last look, answered and took writes (1) or not (0); where it did not "
    "answer, the fleet's jobs are left out, and where it would not be looked at, this one, too.",
)
