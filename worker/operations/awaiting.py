"""Waiting for jobs to end, by what the workers tell on `<prefix>:events`."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from typing import cast

from shared.redis_streams import Keys, StreamClient
from worker.queue.redis_clients import BLOCK_MS

_Entries = list[tuple[bytes, dict[bytes, bytes]]]


async def newest_event(client: StreamClient, keys: Keys) -> str:
    """The id of the newest event: what is told from now on comes after it."""
    rows = await client.execute_command("XREVRANGE", keys.events, "+", "-", "COUNT", 1)
    found = cast("_Entries", rows)
    return found[0][0].decode() if found else "0-0"


async def ends(
    reader: StreamClient, keys: Keys, job_ids: Collection[str], *, after: str, timeout_s: float
) -> AsyncIterator[dict[str, str]]:
    """The last event of each of these jobs, as it comes; ends when all have, or after the time.

    Args:
        reader: a client of which nothing else is asked meanwhile.
        keys: the names there.
        job_ids: whose.
        after: the event after which to look.
        timeout_s: seconds.
    """
    left, deadline = set(job_ids), asyncio.get_running_loop().time() + timeout_s
    while left:
        block_ms = int((deadline - asyncio.get_running_loop().time()) * 1_000)
        if block_ms <= 0:
            return
        words = ("XREAD", "COUNT", 500, "BLOCK", min(block_ms, BLOCK_MS), "STREAMS", keys.events)
        reply = await reader.execute_command(*words, after)
        for entry_id, fields in _entries(reply):
            after = entry_id.decode()
            event = {
                n.decode(errors="replace"): v.decode(errors="replace") for n, v in fields.items()
            }
            if event.get("job_id") in left and event.get("event") in {"completed", "dead"}:
                left.discard(event["job_id"])
                yield event


def _entries(reply: object) -> _Entries:
    streams = cast("Mapping[bytes, _Entries]", reply or {})
    return [entry for entries in streams.values() for entry in entries]
