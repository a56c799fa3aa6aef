"""Who watches the jobs of a worker: the teller of events, the traces, and who counts."""

import asyncio

from shared.redis_streams import Keys, StreamClient
from worker.clock import Clock
from worker.config import Settings
from worker.job import Witness
from worker.observability.traces import Traces
from worker.setting_types import EventsTold
from worker.telling import Telling
from worker.witnesses import all_of


class Onlookers:
    """All of them, with what they need to run and to end.

    Args:
        telling: None where only ends are told, or nothing.
        traces: those of this worker.
        keys: the names in Redis.
        consumer: this worker's name in the group.
        counting: who counts jobs.

    Attributes:
        witness: to be told of each step of each job.
    """

    def __init__(
        self,
        telling: Telling | None,
        traces: Traces,
        keys: Keys,
        consumer: str,
        counting: Witness | None = None,
    ) -> None:
        self._telling = telling
        self._traces = traces
        self.witness = all_of(telling, traces.witness(keys, consumer), counting)

    @property
    def events_dropped(self) -> int:
        """Lifecycle events that could not be told."""
        return 0 if self._telling is None else self._telling.dropped

    async def run(self) -> None:
        """Tell what there is to tell, until cancelled."""
        if self._telling is None:
            await asyncio.Event().wait()
        else:
            await self._telling.run()

    async def close(self) -> None:
        """Tell what is left, for a moment: the worker is stopping."""
        if self._telling is not None:
            await self._telling.finish()
        await self._traces.close()


def build_telling(
    settings: Settings, client: StreamClient, consumer: str, clock: Clock
) -> Telling | None:
    """Who tells what comes before the ends, where somebody is to."""
    if not settings.events_max or settings.events is EventsTold.ENDS:
        return None
    keys = Keys(settings.llm_stream_prefix)
    return Telling(client, keys, consumer, kept=settings.events_max, now=clock.now)
