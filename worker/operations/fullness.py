"""Whether Redis has no memory left for writes: then all stands still, and workers cannot say so."""

from collections.abc import Mapping
from typing import Any, cast

from redis.exceptions import ResponseError

from shared.redis_streams import StreamClient


async def why_full(client: StreamClient) -> str:
    """What to do where it is full; empty where it is not, and where one may not ask (`+info`)."""
    try:
        info = cast("Mapping[str, Any]", await client.execute_command("INFO", "memory"))
    except ResponseError:  # no right to it; some clouds have no such command
        return ""
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not 0 < most <= used or info.get("maxmemory_policy") != "noeviction":
        return ""
    return f"it uses {used:,} bytes of maxmemory {most:,}; raise that, or free some"
