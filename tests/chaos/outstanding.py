"""What Redis holds of jobs that are not finished: the onlooker's own view, not a worker's."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from shared import GROUP, EventName, JobType, Keys
from shared.redis_streams import HANDED_BACK
from worker.queue.redis_clients import OUTAGE, connect

_AGAIN_S = 0.01

# One script, so that it is one moment. ARGV: the group.
# Returns {{job id, consumer, 1 where its outcome is recorded}, ...} of entries that are handed out.
_HELD = """
local found = {}
for k = 1, #KEYS, 2 do
  local pending = redis.pcall('XPENDING', KEYS[k], ARGV[1], '-', '+', 100000)
  if not pending.err then
    for _, p in ipairs(pending) do
      local entry = redis.call('XRANGE', KEYS[k], p[1], p[1])[1]
      if entry then
        local recorded = redis.call('HEXISTS', KEYS[k + 1], p[1])
        for i = 1, #entry[2], 2 do
          if entry[2][i] == 'job_id' then found[#found + 1] = {entry[2][i + 1], p[2], recorded} end
        end
      end
    end
  end
end
return found
"""

# Returns {{stream, entries, handed out, consumers}, ...}.
_STREAMS = """
local found = {}
for _, stream in ipairs(KEYS) do
  local summary = redis.pcall('XPENDING', stream, ARGV[1])
  local pending = summary.err and 0 or summary[1]
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, ARGV[1])
  local present = consumers.err and 0 or #consumers
  found[#found + 1] = {stream, redis.call('XLEN', stream), pending, present}
end
return found
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A job that is handed out to a worker, which may be dead or have handed it back."""

    job_id: str
    consumer: str
    is_recorded: bool
    """Whether its outcome is in the outbox: nobody has a reason to ask the model again."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """What is left in a stream."""

    stream: str
    entries: int
    pending: int
    consumers: int


class Outstanding:
    """Asks Redis, past every proxy; waits where Redis is away."""

    def __init__(self, redis_url: str, keys: Keys) -> None:
        self._clients = connect(redis_url)
        self._keys = keys

    async def close(self) -> None:
        """Close the connections."""
        await self._clients.close()

    async def command(self, *words: str | bytes | int) -> Any:
        """One command that may be repeated: when Redis is back, this is among the first."""
        while True:
            try:
                return await self.command_once(*words)
            except OUTAGE:
                await asyncio.sleep(_AGAIN_S)

    async def command_once(self, *words: str | bytes | int) -> Any:
        """One command that must not be repeated; raises when its reply is lost."""
        return await self._clients.commands.execute_command(*words)

    async def held(self) -> list[Held]:
        """Every job that is handed out."""
        keys = [k for t in JobType for k in (self._keys.stream(t), self._keys.outbox(t))]
        rows = await self.command("EVAL", _HELD, len(keys), *keys, GROUP)
        found = cast("list[tuple[bytes, bytes, int]]", rows)
        return [
            Held(job_id.decode(), consumer.decode().removeprefix(HANDED_BACK), bool(recorded))
            for job_id, consumer, recorded in found
        ]

    async def streams(self) -> list[StreamState]:
        """What is left in each stream."""
        keys = [self._keys.stream(job_type) for job_type in JobType]
        rows = await self.command("EVAL", _STREAMS, len(keys), *keys, GROUP)
        states = cast("list[tuple[bytes, int, int, int]]", rows)
        return [StreamState(stream.decode(), *numbers) for stream, *numbers in states]

    async def keys_left(self) -> list[str]:
        """Every key there is."""
        return sorted(key.decode() for key in cast("list[bytes]", await self.command("KEYS", "*")))

    async def dead_jobs(self) -> list[str]:
        """The job ids of the dead letters."""
        return [_job_id(fields) for fields in await self._rows(self._keys.dead)]

    async def told_jobs(self) -> list[str]:
        """The job ids of the ends among the lifecycle events."""
        ends = {name.encode() for name in EventName if name.is_end}
        rows = await self._rows(self._keys.events)
        return [_job_id(fields) for fields in rows if fields.get(b"event") in ends]

    async def _rows(self, stream: str) -> list[dict[bytes, bytes]]:
        rows = await self.command("XRANGE", stream, "-", "+")
        return [fields for _, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", rows)]


def _job_id(fields: dict[bytes, bytes]) -> str:
    return fields.get(b"job_id", b"").decode()
