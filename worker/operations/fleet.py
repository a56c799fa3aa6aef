"""The workers there are, by what each told last."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from shared.redis_streams import Keys, StreamClient
from worker.steering.roster import SILENT_AFTER_S, WorkerFacts, load_facts


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker.

    Attributes:
        name: its consumer in the group.
        silent: whether it has not been heard of for three beats: dead, frozen or cut off.
    """

    name: str
    facts: WorkerFacts
    heard_s_ago: float
    silent: bool

    @property
    def uptime_s(self) -> float:
        """Since its start, by two machines' clocks."""
        return max(0.0, self.facts.at - self.facts.started_at)


async def read_workers(client: StreamClient, keys: Keys, now: float) -> list[Worker]:
    """Who has told of itself, by name; what cannot be read is left out.

    Args:
        client: whose server.
        keys: the names there.
        now: the server's clock, in Unix seconds.
    """
    reply = cast("Mapping[bytes, bytes]", await client.execute_command("HGETALL", keys.workers))
    found: list[Worker] = []
    for name, raw in sorted(dict(reply).items()):
        facts = load_facts(raw)
        if facts is not None:
            ago = max(0.0, now - facts.at)
            silent = ago > SILENT_AFTER_S
            found.append(Worker(name.decode(errors="replace"), facts, ago, silent))
    return found
