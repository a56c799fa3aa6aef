"""Jobs on streams of no known type: `XADD llm:text_tags …`, one letter too many.

Nobody would ever read them. They are told to Core as failed and moved to the dead letters, but
only after a while, and only where no group serves the stream: during a rolling upgrade a newer
worker may know a job type that this one doesn't.
"""

from collections.abc import Mapping
from typing import Any, Protocol, cast

import structlog

from shared.enums import FailureReason, JobType
from shared.redis_streams import GROUP, EntryError, Keys, decode_entry
from shared.schemas import LLMJobUpdate
from worker.clock import Clock
from worker.core_api_client import idempotency_key
from worker.errors import JobError, Reject
from worker.outcome import Failed
from worker.queue.redis_clients import CommandClient
from worker.queue.scripts import STRAY

log = structlog.get_logger(__name__)

_KEYS_PER_STEP = 1_000
_STEPS_MAX = 100
_ENTRIES_MAX = 100


class Core(Protocol):
    """The part of Core that is told of failures."""

    async def finish(self, job_id: str, update: LLMJobUpdate, *, key: str) -> None:
        """Say the last word about a job."""
        ...


class Strays:
    """Looks for streams under our prefix that no worker serves."""

    def __init__(
        self,
        client: CommandClient,
        keys: Keys,
        core: Core,
        clock: Clock,
        *,
        after_s: float,
        dead_letters_kept: int,
    ) -> None:
        self._client = client
        self._keys = keys
        self._core = core
        self._clock = clock
        self._after_s = after_s
        self._kept = dead_letters_kept

    async def sweep(self) -> int:
        """Move what has strayed long enough; returns how many entries."""
        moved = 0
        for stream in await self._stray_streams():
            for entry_id, fields in await self._waiting(stream):
                moved += await self._move(stream, entry_id, fields)
        return moved

    async def _stray_streams(self) -> list[str]:
        known = {self._keys.stream(job_type) for job_type in JobType}
        reserved = {self._keys.dead, self._keys.events}
        pattern = _glob_quoted(self._keys.prefix) + ":*"
        found: set[str] = set()
        cursor = 0
        for _ in range(_STEPS_MAX):  # bounded: this Redis may hold millions of other keys
            reply = await self._client.execute_command(
                *("SCAN", cursor, "MATCH", pattern, "COUNT", _KEYS_PER_STEP, "TYPE", "stream")
            )
            cursor, names = cast("tuple[int, list[bytes]]", reply)
            found.update(name.decode(errors="replace") for name in names)
            if not cursor:
                break
        own_parts = self._keys.prefix.count(":") + 1
        return sorted(name for name in found - known - reserved if name.count(":") == own_parts)

    async def _waiting(self, stream: str) -> list[tuple[str, Mapping[bytes, bytes]]]:
        newest_ms = int((self._clock.now() - self._after_s) * 1_000)
        rows = cast(
            "list[tuple[bytes, dict[bytes, bytes]]]",
            await self._client.execute_command(
                "XRANGE", stream, "-", newest_ms, "COUNT", _ENTRIES_MAX
            ),
        )
        return [(entry_id.decode(), fields) for entry_id, fields in rows]

    async def _move(self, stream: str, entry_id: str, fields: Mapping[bytes, bytes]) -> int:
        job_type = stream.rpartition(":")[2]
        known = ", ".join(JobType)
        message = f"{job_type!r:.60} is no job type; streams are read for {known}"
        outcome = Failed(reason=FailureReason.UNKNOWN_JOB_TYPE, message=message)
        if not await self._told(entry_id, fields, outcome):
            return 0  # Core is away: the entry stays where it is until Core has been told
        origin = {"dead_stream": stream, "dead_entry_id": entry_id, "dead_deliveries": "0"}
        letter = outcome.letter(self._clock.now()) | origin
        flat = [part for pair in letter.items() for part in pair]
        keys = [stream, self._keys.dead]
        moved: Any = await STRAY(self._client, keys, [GROUP, entry_id, self._kept, *flat])
        if moved:
            log.error("job_dead", job_type=job_type, entry_id=entry_id, reason=outcome.reason)
        return int(moved)

    async def _told(self, entry_id: str, fields: Mapping[bytes, bytes], outcome: Failed) -> bool:
        try:
            job_id = decode_entry(fields).job_id
        except EntryError as error:
            job_id = error.job_id
        if job_id is None:
            return True
        key = idempotency_key(job_id, outcome.update.status, entry_id)
        try:
            await self._core.finish(job_id, outcome.update, key=key)
        except Reject:
            return True
        except JobError:
            return False
        return True


def _glob_quoted(text: str) -> str:
    return "".join(f"\\{char}" if char in "*?[]\\^" else char for char in text)
