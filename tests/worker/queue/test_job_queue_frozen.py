"""A server that was frozen runs what was queued when it thaws; no live lease may fall to it."""

import asyncio

import pytest

from shared.enums import JobType
from shared.redis_streams import Keys
from tests.builders import Streams
from tests.one_by_one import renew
from worker.embedded.redis_server import RedisServer
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import connect

pytestmark = pytest.mark.redis


class _StruckQueue(JobQueue):
    """Its server freezes between the look at the clock and the reclaim."""

    server: RedisServer

    async def _server_ms(self) -> int:
        found = await super()._server_ms()
        self.server.freeze()
        asyncio.get_running_loop().call_later(0.8, self.server.thaw)
        return found


async def test_a_reclaim_that_comes_late_takes_nothing(own_server: RedisServer, keys: Keys) -> None:
    """The holder's lease was live when the reclaim was sent, so it still is."""
    mine, theirs = connect(own_server.url), connect(own_server.url)
    try:
        holder = JobQueue(mine, keys, list(JobType), "holder")
        await holder.create_groups()
        await Streams(mine.commands, keys).add(JobType.TEXT_TAG)
        [held] = await holder.claim(1, block_ms=0)
        taker = _StruckQueue(theirs, keys, list(JobType), "taker")
        taker.server = own_server
        assert await taker.reclaim(8, idle_ms=500) == []
        assert await renew(holder, held) == set()
        assert len(await JobQueue(theirs, keys, list(JobType), "next").reclaim(8, idle_ms=0)) == 1
    finally:
        await mine.close()
        await theirs.close()
