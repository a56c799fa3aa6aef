"""What is it doing? Rates, what is in hand, how much of what it may, and where time goes."""

from deploy.grafana.panels import (
    JOB,
    LINES,
    NUMBER,
    RED,
    STACKED,
    YELLOW,
    Panel,
    Query,
    Section,
)
from deploy.grafana.queries import fleet, half_and_most, mean, of, rate, summed, typed

_ENDED = rate(typed("llm_worker_jobs_total"))
_SERVER = ("server", "role")

_NUMBERS = (
    Panel(
        "Workers",
        "Workers that answer Prometheus.",
        "short",
        (Query(f"sum(up{{{JOB}}})", "workers"),),
        NUMBER,
        width=4,
        words=((0, "none", RED),),
    ),
    Panel(
        "Jobs a minute",
        "Jobs that ended, done or dead.",
        "short",
        (Query(f"60 * {summed(_ENDED)}", "jobs"),),
        NUMBER,
        width=4,
    ),
    Panel(
        "Waiting",
        "Jobs that no worker has yet.",
        "short",
        (Query(f"sum({fleet('llm_worker_fleet_waiting_jobs')})", "jobs"),),
        NUMBER,
        width=4,
    ),
    Panel(
        "Oldest waiting",
        "How long the oldest of those is in its stream.",
        "s",
        (Query(f"max({fleet('llm_worker_fleet_oldest_waiting_seconds')})", "age"),),
        NUMBER,
        width=4,
        steps=((300, YELLOW), (900, RED)),
    ),
    Panel(
        "Dead letters",
        "Those that are kept now: llm-worker dead list --by-reason.",
        "short",
        (Query("max(llm_worker_fleet_dead_letters)", "letters"),),
        NUMBER,
        width=4,
        steps=((1, YELLOW), (100, RED)),
    ),
    Panel(
        "Alerts",
        "Alerts that fire. Each has a section in docs/operations.md.",
        "short",
        (
            Query(
                'count(ALERTS{alertstate="firing",alertname=~"LlmWorker.*"}) or vector(0)', "alerts"
            ),
        ),
        NUMBER,
        width=4,
        steps=((1, RED),),
    ),
)

SECTION = Section(
    "What is it doing?",
    (
        *_NUMBERS,
        Panel(
            "Jobs a minute, by type",
            "Jobs that ended, done or dead.",
            "short",
            (Query(f"60 * {summed(_ENDED, 'job_type')}", "{{job_type}}"),),
            STACKED,
        ),
        Panel(
            "In the workers' hands",
            "By where they are in their life; parked ones wait for another try or a service.",
            "short",
            (Query(summed(typed("llm_worker_jobs_held"), "stage"), "{{stage}}"),),
            STACKED,
        ),
        Panel(
            "Slots",
            "Jobs that may ask the model now, and how many there may be.",
            "short",
            (
                Query(summed(of("llm_worker_slots_used")), "used"),
                Query(summed(of("llm_worker_slots")), "there are"),
            ),
            LINES,
        ),
        Panel(
            "Calls at the model servers",
            "Of all workers together, and how many there may be: docs/models.md, How much at once.",
            "short",
            (
                Query(summed(of("llm_worker_llm_in_flight"), *_SERVER), "{{server}} {{role}}"),
                Query(summed(of("llm_worker_llm_limit"), *_SERVER), "{{server}} {{role}} limit"),
            ),
            LINES,
        ),
        Panel(
            "Why the limits are what they are",
            "How many limits there are for each reason: docs/models.md, How much at once.",
            "short",
            (Query(summed(of("llm_worker_llm_limit_reason"), "reason"), "{{reason}}"),),
            STACKED,
        ),
        Panel(
            "Queues of the model servers",
            "Requests that wait there, as the servers tell.",
            "short",
            (
                Query(
                    f"max by (server) ({of('llm_worker_llm_server_waiting')})", "{{server}} waiting"
                ),
            ),
            LINES,
            steps=((10, YELLOW),),
        ),
        Panel(
            "Where a job's time goes",
            "The mean of each stage; those of the wait in the stream tell of too few workers.",
            "s",
            (Query(mean(typed("llm_worker_job_stage_seconds"), "stage"), "{{stage}}"),),
            STACKED,
        ),
        Panel(
            "Stages, at most",
            "What half of the jobs and what 95 of a hundred take at most.",
            "s",
            half_and_most(typed("llm_worker_job_stage_seconds"), "stage"),
            LINES,
        ),
        Panel(
            "From XADD to the end",
            "What half of the jobs and what 95 of a hundred take at most.",
            "s",
            half_and_most(typed("llm_worker_job_seconds"), "job_type"),
            LINES,
        ),
    ),
)
