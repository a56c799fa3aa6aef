"""What becomes of jobs in this worker's hands."""

from worker.observability.catalogue.metric import Group

_SECONDS = (0.01, 0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0)
"""From a step that takes no time to an hour in the queue."""

GROUP = Group("Jobs")

CLAIMED = GROUP.counter(
    "jobs_claimed", "Jobs that were taken, those taken over included.", "job_type"
)
RECLAIMED = GROUP.counter(
    "jobs_reclaimed",
    "Jobs that were taken over from another worker: it died, stood still or handed them back.",
    "job_type",
)
TRIES = GROUP.counter("job_tries", "Times that a handler went to work on a job.", "job_type")
RETRIES = GROUP.counter(
    "job_retries", "Tries that failed and were spent, with another to follow.", "job_type", "cause"
)
WAITS = GROUP.counter(
    "job_waits",
    "Tries that failed because a service was away or full: none was spent.",
    "job_type",
    "service",
    "cause",
)
JOBS = GROUP.counter(
    "jobs",
    "Jobs that have ended, and for failed ones (dead letters) why.",
    "job_type",
    "outcome",
    "reason",
    "cause",
)
LEFT = GROUP.counter(
    "jobs_left",
    "Jobs that this worker did not end: handed_back, lease_lost, or worker_bug.",
    "job_type",
    "how",
)
LAST_END = GROUP.gauge(
    "job_last_end_timestamp_seconds",
    "When the worker last ended a job, in Unix seconds; before the first one its own start.",
    "job_type",
)
JOB_SECONDS = GROUP.seconds(
    "job", "From XADD to the end of a job.", _SECONDS, "job_type", "outcome"
)
STAGE_SECONDS = GROUP.seconds(
    "job_stage",
    "A job's time by stage: wait (in its stream), park (here: for a slot, another try, a service), "
    "prepare (the handler without the model), model, record (into the outbox), deliver (to Core), "
    "settle (off its stream).",
    _SECONDS,
    "job_type",
    "stage",
)
