"""Each process's part of what the settings allow one worker: pure.

More processes change how much processor there is, not how much the model server, Core or memory is
asked for. What is not divided is said of each job or each call, or is counted for the whole fleet.
"""

from typing import Any

from worker.config import Settings
from worker.processes.plan import Plan

DIVIDED = (
    "worker_concurrency",
    "worker_held_max",
    "worker_outbox_max",
    "worker_outbox_max_bytes",
    "llm_limit_start",
    "llm_limit_floor",
    "llm_breaker_probes",
)
"""The settings that speak of the whole worker."""


def plan(settings: Settings) -> Plan:
    """What the parent of so many processes as the settings say has to know."""
    count = settings.worker_processes
    return Plan(
        shares=tuple(environment(settings, index) for index in range(count)),
        health_host=settings.worker_health_host,
        health_port=settings.worker_health_port,
        grace_s=settings.worker_grace_s,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )


def environment(settings: Settings, index: int) -> dict[str, str]:
    """The variables of one process, by its number; it answers for its health to its parent only."""
    count = settings.worker_processes
    parts = {
        name.upper(): str(part(getattr(settings, name), index, count, least=_least(name)))
        for name in DIVIDED
    }
    alone = {"WORKER_PROCESSES": "1", "WORKER_HEALTH_HOST": "127.0.0.1", "WORKER_HEALTH_PORT": "0"}
    return parts | alone


def part(total: int, index: int, count: int, *, least: int = 1) -> int:
    """What one of `count` gets: as even as can be, the first ones one more, none less than `least`.

    All parts together are the total, or `count * least` where that is more.
    """
    return max(total // count + (index < total % count), least)


def _least(name: str) -> int:
    bounds: list[Any] = Settings.model_fields[name].metadata
    return max((bound.ge for bound in bounds if hasattr(bound, "ge")), default=1)
