"""What of this worker is looked at by its metrics, put together."""

from dataclasses import dataclass
from functools import partial

from shared.redis_streams import Keys
from worker.config import Settings
from worker.consumer import Consumer, Hands
from worker.lifecycle import Shutdown
from worker.observability.health import Heartbeats
from worker.observability.onlookers import Onlookers
from worker.observability.worker_metrics import Sight
from worker.operations.totals import read_totals
from worker.outside import Outside
from worker.steering.portrait import version


@dataclass(frozen=True, slots=True)
class Running:
    """What runs beside the hands."""

    consumer: Consumer
    heartbeats: Heartbeats
    onlookers: Onlookers
    shutdown: Shutdown


def measure(settings: Settings, outside: Outside, hands: Hands, running: Running) -> None:
    """Show all of it, and the fleet, from now on."""
    metrics, limits = outside.metrics, hands.claiming.limits
    sight = Sight(
        jobs=lambda: hands.leases,
        slots=limits.slots,
        backlog=limits.backlog,
        gates=limits.gates,
        marks=limits.marks,
        draining=running.shutdown.drain.is_set,
        halted=lambda: running.consumer.halted,
        loop_ages=running.heartbeats.ages,
        events_dropped=lambda: running.onlookers.events_dropped,
    )
    metrics.jobs.serve(settings.worker_job_types)
    metrics.watch_worker(sight, version())
    keys = Keys(settings.llm_stream_prefix)
    metrics.watch_fleet(partial(read_totals, outside.redis.commands, keys))
