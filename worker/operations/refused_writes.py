"""Why Redis takes no writes, and what mends it: workers that cannot write cannot say so either."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from redis.exceptions import NoPermissionError, ResponseError

from shared.redis_streams import Keys, StreamClient
from worker.queue.write_probe import write_refusal

_FIXES: Mapping[str, str] = {
    "OOM": "raise maxmemory or free memory; workers go on by themselves, do not restart them",
    "READONLY": "this is a replica: let REDIS_URL name the master, or its Sentinels",
    "MISCONF": "Redis cannot save: make room on its disk, and see its log",
    "NOREPLICAS": "bring its replicas back, or lower min-replicas-to-write",
    "BUSY": "somebody's script does not end: SCRIPT KILL ends it",
}
_NOTHING_NEW = "nothing new can be enqueued, producers are refused"


@dataclass(frozen=True, slots=True)
class RefusedWrites:
    """What is wrong with a Redis that answers and takes no writes, what mends it, what comes of it.

    Nothing is lost either way.
    """

    found: str
    fix: str
    means: str

    def __str__(self) -> str:
        return f"{self.found}; {self.means}; {self.fix}"


async def refused_writes(client: StreamClient, keys: Keys) -> RefusedWrites | None:
    """What it refuses and what mends it; None where it takes writes, or nobody here may ask.

    Raises:
        redis.exceptions.RedisError, OSError: it does not answer at all.
    """
    try:
        refusal = await write_refusal(client, keys)
    except NoPermissionError:  # one who only looks: what is refused to it is not to the workers
        return None
    if refusal is None:
        return None
    found = await _fullness(client) if refusal.code == "OOM" else ""
    return RefusedWrites(found or str(refusal), remedy(refusal.code), meaning(refusal.code))


def remedy(code: str) -> str:
    """What mends it, by the first word of what the server says."""
    return _FIXES.get(code, "see the log of Redis")


def meaning(code: str) -> str:
    """What comes of it, by the same word: one that is only full lets a worker's scripts pass."""
    if code == "OOM":
        return f"{_NOTHING_NEW}; what is queued is worked off"
    return f"{_NOTHING_NEW}; all jobs wait"


async def _fullness(client: StreamClient) -> str:
    """In figures; empty where they may not be read (`+info`), or say something else."""
    try:
        info = cast("Mapping[str, Any]", await client.execute_command("INFO", "memory"))
    except ResponseError:  # no right to it; some clouds have no such command
        return ""
    used, most = (str(info.get(name, "")) for name in ("used_memory_human", "maxmemory_human"))
    return f"it is full: used {used} of maxmemory {most}" if used and most else ""
