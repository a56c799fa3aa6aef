"""What a group needs now and then: that dead consumers go, that somebody counts the letters."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

from redis.exceptions import ResponseError

from shared.redis_streams import GROUP, Keys, StreamClient
from worker.scripts import LEAVE

_GONE = re.compile("no such key|NOGROUP", re.IGNORECASE)


class Upkeep:
    """Housekeeping for the streams of some job types."""

    def __init__(self, client: StreamClient, keys: Keys, job_types: Sequence[str]) -> None:
        self._client = client
        self._keys = keys
        self._job_types = job_types

    async def forget_dead_consumers(self, idle_ms: int) -> int:
        """Remove consumers that hold nothing and have not been heard of for `idle_ms`.

        Each start of a worker is a consumer of its own, and those that crashed would pile up. On
        Redis 7.0 an idle worker that lives looks the same; it is made anew by its next read.
        """
        gone = 0
        for job_type in self._job_types:
            stream = self._keys.stream(job_type)
            try:
                found = await self._client.execute_command("XINFO", "CONSUMERS", stream, GROUP)
            except ResponseError as error:
                if _GONE.search(str(error)):
                    continue  # flushed a moment ago; the next claim makes it again
                raise
            for consumer in map(_named, cast("list[Any]", found)):
                if not consumer["pending"] and consumer["idle"] > idle_ms:
                    gone += int(await LEAVE(self._client, [stream], [GROUP, consumer["name"]]))
        return gone

    async def dead_letters(self) -> int:
        """How many dead letters there are."""
        return int(await self._client.execute_command("XLEN", self._keys.dead))


def _named(reply: Any) -> dict[str, Any]:
    """One item of an XINFO reply, which clients give as a map or as a flat list."""
    if isinstance(reply, dict):
        pairs: Iterable[tuple[Any, Any]] = cast("dict[Any, Any]", reply).items()
    else:
        pairs = zip(reply[::2], reply[1::2], strict=True)
    return {n.decode() if isinstance(n, bytes) else str(n): value for n, value in pairs}
