"""Reads what the account needs: Core's database, and what Redis still holds."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import cast

from drills.account import Books, Effects
from shared.enums import JobStatus, JobType
from shared.redis_streams import Keys, StreamClient

_LOCK_WAIT_S = 10.0


async def read_books(database: Path, client: StreamClient, keys: Keys) -> Books:
    """Look at both.

    Raises:
        OSError, redis.exceptions.RedisError: Redis is away.
        sqlite3.Error: Core's database cannot be read.
    """
    statuses, effects = _core(database)
    left = [job for name in JobType for job in await _jobs(client, keys.stream(name))]
    return Books(statuses, effects, left, await _jobs(client, keys.dead))


def _core(database: Path) -> tuple[Mapping[str, JobStatus], Mapping[str, Effects]]:
    with closing(sqlite3.connect(database, timeout=_LOCK_WAIT_S)) as core:
        rows = core.execute("SELECT job_id, status FROM llm_jobs")
        statuses = {str(job_id): JobStatus(status) for job_id, status in rows}
        effects: dict[str, Effects] = {}
        keyed = "SELECT key, kind, count FROM effects_applied WHERE key != ''"
        for key, kind, count in core.execute(keyed):
            # A key begins with the job's id; the feed's have no colon.
            effects.setdefault(key.partition(":")[0], Counter())[kind] += count
    return statuses, effects


async def _jobs(client: StreamClient, stream: str) -> list[str]:
    rows = await client.execute_command("XRANGE", stream, "-", "+")
    found = cast("list[tuple[bytes, dict[bytes, bytes]]]", rows)
    return [fields.get(b"job_id", b"").decode(errors="replace") for _, fields in found]
