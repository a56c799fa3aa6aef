"""What a group needs now and then: that dead consumers go, that nobody who waits has lost his
ticket, that somebody counts the letters.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

from redis.exceptions import ResponseError

from shared.redis_streams import GROUP, WAITING, Keys, StreamClient
from worker.queue.scripts import LEAVE, MEND

_GONE = re.compile("no such key|NOGROUP", re.IGNORECASE)
_MENDED_AT_ONCE = 100


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

    async def restore_tickets(self) -> int:
        """Write again the tickets that waiting entries have lost; returns how many.

        They are lost when somebody deletes the set, or a server evicts it; nobody would ever take
        those entries then, which are pending to nobody's worker.
        """
        restored = 0
        for job_type in self._job_types:
            try:
                restored += await self._restore(job_type)
            except ResponseError as error:
                if not _GONE.search(str(error)):
                    raise
        return restored

    async def _restore(self, job_type: str) -> int:
        keys = self._keys.waiting_room(job_type)
        restored, start = 0, "-"
        while start:
            reply = await MEND(self._client, keys, [GROUP, WAITING, start, _MENDED_AT_ONCE])
            last, mended = cast("tuple[bytes, int]", reply)
            restored += mended
            start = last and f"({last.decode()}"
        return restored

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
