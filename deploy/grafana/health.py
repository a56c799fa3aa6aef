"""How are the workers themselves? Their processor, memory, event loop, Redis and Core."""

from deploy.grafana.panels import (
    GREEN,
    JOB,
    LINES,
    RED,
    STACKED,
    STATES,
    YELLOW,
    Panel,
    Query,
    Section,
)
from deploy.grafana.queries import of, quantile, rate, summed

_EACH = "{{instance}} {{process}}"

SECTION = Section(
    "How are the workers themselves?",
    (
        Panel(
            "Lateness of the event loop",
            "99 of a hundred timers are late by this much at most.",
            "s",
            (
                Query(
                    quantile(0.99, of("llm_worker_event_loop_lag_seconds"), "instance", "process"),
                    _EACH,
                ),
            ),
            LINES,
            steps=((0.5, RED),),
        ),
        Panel(
            "Processor",
            "Cores in use. A process can use one: --processes is for more.",
            "short",
            (Query(rate(of("process_cpu_seconds_total", JOB)), _EACH),),
            LINES,
            steps=((0.9, YELLOW),),
        ),
        Panel(
            "Memory",
            "What each process has now.",
            "bytes",
            (Query(of("process_resident_memory_bytes", JOB), _EACH),),
            LINES,
        ),
        Panel(
            "Files and connections",
            "The share of how many may be open.",
            "percentunit",
            (
                Query(
                    of("process_open_fds", JOB) + " / " + of("process_max_fds", JOB),
                    _EACH,
                ),
            ),
            LINES,
            steps=((0.8, RED),),
        ),
        Panel(
            "Up for",
            "Since the last start.",
            "s",
            (
                Query(
                    f"time() - {of('process_start_time_seconds', JOB)}",
                    _EACH,
                ),
            ),
            LINES,
        ),
        Panel(
            "Loops that must move",
            "Since when each has not; /live fails when it is too long.",
            "s",
            (
                Query(
                    f"max by (instance, loop) ({of('llm_worker_loop_age_seconds')})",
                    "{{instance}} {{loop}}",
                ),
            ),
            LINES,
        ),
        Panel(
            "Redis",
            "Whether each worker can use it: away is also what refuses writes.",
            "short",
            (Query(f"min by (instance) ({of('llm_worker_redis_up')})", "{{instance}}"),),
            STATES,
            words=((0, "away", RED), (1, "there", GREEN)),
        ),
        Panel(
            "Core's answers a minute",
            "By what was asked and how it ended.",
            "short",
            (
                Query(
                    "60 * "
                    + summed(rate(of("llm_worker_core_requests_total")), "route", "outcome"),
                    "{{route}} {{outcome}}",
                ),
            ),
            STACKED,
        ),
        Panel(
            "What Core takes",
            "95 of a hundred requests, at most.",
            "s",
            (Query(quantile(0.95, of("llm_worker_core_request_seconds"), "route"), "{{route}}"),),
            LINES,
        ),
        Panel(
            "Events dropped, a minute",
            "Lifecycle events that could not be told; jobs are not touched by it.",
            "short",
            (
                Query(
                    f"60 * {summed(rate(of('llm_worker_events_dropped_total')), 'instance')}",
                    "{{instance}}",
                ),
            ),
            LINES,
        ),
        Panel(
            "Size of what waits for Core",
            "In each worker's memory; claiming pauses at WORKER_OUTBOX_MAX_BYTES.",
            "bytes",
            (Query(summed(of("llm_worker_undelivered_bytes"), "instance"), "{{instance}}"),),
            LINES,
        ),
        Panel(
            "Versions",
            "How many processes run each.",
            "short",
            (
                Query(
                    summed(of("llm_worker_build_info"), "version", "python"),
                    "{{version}} on Python {{python}}",
                ),
            ),
            STACKED,
        ),
    ),
)
