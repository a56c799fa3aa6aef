"""What the worker is doing now, and how well it can."""

from worker.observability.catalogue.metric import Group

_LAG = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

GROUP = Group("What the worker is doing")

HELD = GROUP.gauge(
    "jobs_held",
    "Jobs in this worker's hands, by where they are in their life.",
    "job_type",
    "stage",
)
HELD_MAX = GROUP.gauge("jobs_held_max", "How many jobs this worker may hold.")
SLOTS_USED = GROUP.gauge("slots_used", "Slots in use: jobs that may ask the model now.")
SLOTS = GROUP.gauge("slots", "Slots there are: how many jobs may ask the model at once.")
BLOCKED = GROUP.gauge(
    "claiming_blocked",
    "Why nothing is claimed: 1 beside each reason that holds, 0 beside the others. no_room (every "
    "slot is in use), undelivered (too much waits for Core), unmarked (it is not known yet what "
    "is paused), draining.",
    "why",
)
AWAY = GROUP.gauge(
    "service_away",
    "Whether jobs wait for a service, model or core, to come back (1) or not (0).",
    "service",
)
UNDELIVERED = GROUP.gauge("undelivered_outcomes", "Answers of this worker that wait for Core.")
UNDELIVERED_BYTES = GROUP.gauge("undelivered_bytes", "The size of the answers that wait for Core.")
DRAINING = GROUP.gauge("draining", "Whether the worker is on its way out (1) or not (0).")
HALTED = GROUP.gauge(
    "halted",
    "Whether the worker cannot go on and hands its jobs back (1); it is gone moments later.",
)
LOOP_AGE = GROUP.gauge(
    "loop_age_seconds",
    "Since when a loop that must move has not: claim or leases; /live fails when it is too long.",
    "loop",
)
LAG = GROUP.seconds(
    "event_loop_lag", "How late the event loop was for a timer, twice a second.", _LAG
)
EVENTS_DROPPED = GROUP.counter("events_dropped", "Lifecycle events that could not be told.")
BUILD = GROUP.gauge(
    "build_info", "Always 1; which version runs on which Python.", "version", "python"
)
