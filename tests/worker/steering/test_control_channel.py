"""The control channel over a real connection: messages, outages, missing rights."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from tests.builders import until
from tests.redis.servers import tell
from worker.clock import Clock
from worker.embedded.redis_server import RedisServer
from worker.steering.control_channel import ControlChannel

pytestmark = pytest.mark.redis
CHANNEL = "t:control"


@asynccontextmanager
async def _listening(url: str) -> AsyncGenerator[list[int]]:
    """How often it was heard of, while this lasts."""
    heard: list[int] = []
    channel = ControlChannel(url, CHANNEL, Clock(jitter=lambda: 0.0))
    listening = asyncio.create_task(channel.listen(lambda: heard.append(len(heard))))
    try:
        yield heard
    finally:
        listening.cancel()
        await asyncio.wait({listening})


async def test_each_message_is_heard(redis_server: RedisServer) -> None:
    """And the beginning, because of what was said before."""
    async with _listening(redis_server.url) as heard:
        await until(lambda: len(heard) == 1)
        for _ in range(3):
            await tell(redis_server, "PUBLISH", CHANNEL, "x")
        await until(lambda: len(heard) == 4)


async def test_after_an_outage_it_is_there_again(own_server: RedisServer) -> None:
    """What may have been missed is looked for: that counts as heard."""
    async with _listening(own_server.url) as heard:
        await until(lambda: len(heard) == 1)
        own_server.stop()
        own_server.start()
        await until(lambda: len(heard) == 2)
        await tell(own_server, "PUBLISH", CHANNEL, "x")
        await until(lambda: len(heard) == 3)


async def test_without_the_right_it_says_so_once(redis_server: RedisServer) -> None:
    """The worker reads the marks all the same, every few seconds."""
    rules = ("reset", "on", ">pw", "~*", "resetchannels", "+@all")
    await tell(redis_server, "ACL", "SETUSER", "deaf", *rules)
    url = redis_server.url.replace("//", "//deaf:pw@")
    with capture_logs() as logs:
        async with _listening(url) as heard:
            await until(lambda: bool(logs))
    assert [line["event"] for line in logs] == ["control_channel_refused"]
    assert heard == []
