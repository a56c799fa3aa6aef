"""Why is a job not done? What waits, for what, and what became of those that failed."""

from deploy.grafana.panels import (
    BARS,
    GREEN,
    LINES,
    RED,
    STACKED,
    STATES,
    YELLOW,
    Panel,
    Query,
    Section,
)
from deploy.grafana.queries import fleet, of, rate, summed, typed

_ENDED = summed(rate(typed("llm_worker_jobs_total")), "job_type")
_DEAD = typed("llm_worker_jobs_total", 'outcome="failed"')
_YES = ((0, "no", GREEN), (1, "yes", RED))

SECTION = Section(
    "Why is a job not done?",
    (
        Panel(
            "Waiting, by type",
            "Jobs that no worker has.",
            "short",
            (Query(fleet("llm_worker_fleet_waiting_jobs"), "{{job_type}}"),),
            STACKED,
        ),
        Panel(
            "Oldest waiting, by type",
            "How long the oldest job that no worker has is in its stream.",
            "s",
            (Query(fleet("llm_worker_fleet_oldest_waiting_seconds"), "{{job_type}}"),),
            LINES,
            steps=((900, RED),),
        ),
        Panel(
            "Time to drain",
            "What waits, at the rate of just now. Nothing where nothing ends.",
            "s",
            (
                Query(
                    f"{fleet('llm_worker_fleet_waiting_jobs')} / on (job_type) ({_ENDED} > 0)",
                    "{{job_type}}",
                ),
            ),
            LINES,
        ),
        Panel(
            "In workers' hands, by type",
            "Running, waiting for another try, or being delivered, in the whole fleet.",
            "short",
            (Query(fleet("llm_worker_fleet_in_flight_jobs"), "{{job_type}}"),),
            STACKED,
        ),
        Panel(
            "Oldest in hand, by type",
            "How long the oldest job that a worker has is in its stream: llm-worker job ID.",
            "s",
            (Query(fleet("llm_worker_fleet_oldest_in_flight_seconds"), "{{job_type}}"),),
            LINES,
        ),
        Panel(
            "Answers that wait for Core",
            "Recorded, paid for, and not yet delivered.",
            "short",
            (Query(fleet("llm_worker_fleet_outbox_outcomes"), "{{job_type}}"),),
            STACKED,
        ),
        Panel(
            "Services away",
            "Jobs wait for a service to come back: llm-worker check.",
            "short",
            (
                Query(
                    f"max by (instance, service) ({of('llm_worker_service_away')})",
                    "{{service}} for {{instance}}",
                ),
            ),
            STATES,
            words=((0, "there", GREEN), (1, "away", RED)),
        ),
        Panel(
            "Breakers",
            "Whether a model server is used; the worst of what the workers say.",
            "short",
            (
                Query(
                    f"max by (provider, server) ({of('llm_worker_llm_breaker_state')})",
                    "{{provider}} {{server}}",
                ),
            ),
            STATES,
            words=((0, "used", GREEN), (1, "being tried", YELLOW), (2, "left alone", RED)),
        ),
        Panel(
            "Paused",
            "Job types that operators have paused: llm-worker pause.",
            "short",
            (Query(fleet("llm_worker_fleet_paused"), "{{job_type}}"),),
            STATES,
            words=_YES,
        ),
        Panel(
            "Why nothing is claimed",
            "How many workers give each reason; no_room is as it should be under load.",
            "short",
            (Query(summed(of("llm_worker_claiming_blocked"), "why"), "{{why}}"),),
            LINES,
        ),
        Panel(
            "Tries that failed, a minute",
            "Spent: an attempt of the job's is gone. Waited: a service was away or full, none is.",
            "short",
            (
                Query(
                    f"60 * {summed(rate(typed('llm_worker_job_retries_total')), 'cause')}",
                    "{{cause}}, spent",
                ),
                Query(
                    f"60 * {summed(rate(typed('llm_worker_job_waits_total')), 'cause')}",
                    "{{cause}}, waited",
                ),
            ),
            STACKED,
        ),
        Panel(
            "Seconds since a job ended",
            "Of each type, at whichever worker.",
            "s",
            (
                Query(
                    "time() - max by (job_type) "
                    f"({typed('llm_worker_job_last_end_timestamp_seconds')})",
                    "{{job_type}}",
                ),
            ),
            LINES,
        ),
        Panel(
            "Jobs that died, a minute",
            "By why: llm-worker dead list --by-reason.",
            "short",
            (Query(f"60 * {summed(rate(_DEAD), 'reason', 'cause')}", "{{reason}} {{cause}}"),),
            STACKED,
        ),
        Panel(
            "Jobs that died, in the time shown",
            "By type and why.",
            "short",
            (
                Query(
                    f"sum by (job_type, reason) (increase({_DEAD}[$__range])) > 0",
                    "{{job_type}} {{reason}}",
                ),
            ),
            BARS,
        ),
        Panel(
            "Jobs that workers took over or let go, a minute",
            "Lost leases mean that a worker stood still for longer than WORKER_LEASE_S.",
            "short",
            (
                Query(
                    f"60 * {summed(rate(typed('llm_worker_jobs_reclaimed_total')))}", "taken over"
                ),
                Query(
                    f"60 * {summed(rate(typed('llm_worker_jobs_left_total')), 'how')}", "{{how}}"
                ),
            ),
            LINES,
        ),
    ),
)
