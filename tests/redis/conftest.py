"""The engine's fixtures, here over every server there is instead of the first two."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.redis.servers import Source, each_server, some_servers
from worker.embedded.redis_server import RedisServer

SERVERS = each_server()


@pytest.fixture(scope="session", params=SERVERS)
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """Each server in turn, started once for all tests, which find it empty."""
    with RedisServer(program(cast("Source", request.param))) as server:
        yield server


@pytest.fixture(params=SERVERS)
def own_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server for a test that leaves it in no good state."""
    with RedisServer(program(cast("Source", request.param))) as server:
        yield server


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest) -> Source:
    """Each server program, for tests that start it themselves."""
    return cast("Source", request.param)


@pytest.fixture(params=some_servers())
def chosen(request: pytest.FixtureRequest) -> Source:
    """A server program of which several are started, which takes a while."""
    return cast("Source", request.param)


def program(source: Source) -> Path:
    """Where a source that was not skipped has its program."""
    assert source.program is not None
    return source.program
