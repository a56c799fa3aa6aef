"""What a server can do is found out by asking it, and asking leaves nothing behind."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, ResponseError

from shared.redis_streams import Keys
from tests.redis.conftest import program
from tests.redis.servers import Source, tell
from worker.embedded.redis_server import RedisServer
from worker.queue.redis_capabilities import extras
from worker.queue.redis_clients import connect

SINCE = {"XREADGROUP CLAIM": (8, 4), "XACKDEL": (8, 2, 3), "XNACK": (8, 8)}


async def test_what_each_server_has(source: Source) -> None:
    """Redis has each since its version, Valkey up to 9.1 none; no key is made."""
    with RedisServer(program(source)) as server:
        clients = connect(server.url)
        found = await extras(clients.commands, Keys())
        await clients.close()
        assert await tell(server, "DBSIZE") == 0
    if source.is_valkey and source.version >= (9, 2):
        pytest.skip("nothing is promised of Valkey 9.2")
    wanted = {name: not source.is_valkey and source.version >= v for name, v in SINCE.items()}
    assert found == wanted


class Scripted:
    """A server that answers every command the same, INFO apart."""

    def __init__(self, answer: Exception | None, version: str = "8.10.2") -> None:
        self.answer = answer
        self.info = {"redis_version": version}

    async def execute_command(self, *args: object, **options: object) -> object:
        """Answer."""
        del options
        if args[0] == "INFO":
            return self.info
        if self.answer is not None:
            raise self.answer
        return [-1]


@pytest.mark.parametrize(
    ("answer", "present"),
    [
        (None, True),
        (ResponseError("NOGROUP No such key"), True),
        (ResponseError("unknown command 'XNACK'"), False),
        (ResponseError("syntax error"), False),
        (NoPermissionError("this user has no permissions"), False),
    ],
)
async def test_what_an_answer_says(answer: Exception | None, present: bool) -> None:
    """Refused or unknown is absent, whatever else it says is present."""
    assert set((await extras(Scripted(answer), Keys())).values()) == {present}


@pytest.mark.parametrize(("version", "present"), [("8.2.2", False), ("8.2.3", True)])
async def test_a_risky_command_counts_as_absent(version: str, present: bool) -> None:
    """XACKDEL of 8.2.0 to 8.2.2 is not to be used."""
    assert (await extras(Scripted(None, version), Keys()))["XACKDEL"] == present


async def test_an_outage_is_no_answer() -> None:
    """A server that cannot be asked is not taken for one that lacks everything."""
    with pytest.raises(RedisConnectionError):
        await extras(Scripted(RedisConnectionError("gone")), Keys())
