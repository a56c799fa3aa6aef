"""Two workers on one server, whichever can be had, and a producer."""

import pytest

from shared.redis_streams import Keys
from tests.builders import Streams
from tests.one_by_one import KIND
from worker.queue.job_queue import JobQueue
from worker.queue.redis_clients import RedisClients


@pytest.fixture
def streams(any_clients: RedisClients, keys: Keys) -> Streams:
    """What a producer does, and what an operator sees."""
    return Streams(any_clients.commands, keys)


@pytest.fixture
async def queue(any_clients: RedisClients, keys: Keys) -> JobQueue:
    """The worker under test; it serves two streams."""
    made = JobQueue(any_clients, keys, [KIND, "followup"], "me")
    await made.create_groups()
    return made


@pytest.fixture
def other(any_clients: RedisClients, keys: Keys) -> JobQueue:
    """The worker that takes over."""
    return JobQueue(any_clients, keys, [KIND, "followup"], "other")
