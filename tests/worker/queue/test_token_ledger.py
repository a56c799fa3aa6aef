"""The fleet's count of tokens in Redis."""

from typing import Any, cast

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from shared.redis_streams import Keys
from tests.conftest import connected
from worker.embedded.redis_server import RedisServer
from worker.llm.budget import LedgerAway
from worker.queue.redis_clients import RedisClients
from worker.queue.token_ledger import KEPT_S, RedisTokenLedger

DAY, NEXT_DAY = "2026-11-21", "2026-11-22"


async def test_workers_count_together(any_clients: RedisClients, keys: Keys) -> None:
    """The sum is the fleet's, by provider and day, and it forgets itself."""
    one = RedisTokenLedger(any_clients.commands, keys)
    other = RedisTokenLedger(any_clients.commands, keys)
    assert await one.add("openai", DAY, 5) == 5
    assert await other.add("openai", DAY, 7) == 12
    assert await one.add("openai", DAY, 0) == 12
    assert await one.add("google", DAY, 1) == 1
    assert await one.add("openai", NEXT_DAY, 2) == 2
    for provider, day in (("openai", DAY), ("google", DAY), ("openai", NEXT_DAY)):
        left = await any_clients.commands.execute_command("TTL", keys.tokens(provider, day))
        assert 0 < int(left) <= KEPT_S


@pytest.mark.redis
async def test_a_server_that_is_gone(own_server: RedisServer, keys: Keys) -> None:
    """One error of the room, with a line for the log."""
    async for clients in connected(own_server):
        ledger = RedisTokenLedger(clients.commands, keys)
        assert await ledger.add("openai", DAY, 1) == 1
        own_server.stop()
        with pytest.raises(LedgerAway):
            await ledger.add("openai", DAY, 1)
        own_server.start()


class Refusing:
    """A client that may not do some things, or finds what it does not expect."""

    def __init__(self, errors: dict[str, Exception]) -> None:
        self.errors = errors
        self.sent: list[tuple[Any, ...]] = []

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Note it, and fail where that is planned."""
        self.sent.append((*args, *options))
        error = self.errors.get(cast("str", args[0]))
        if error is not None:
            raise error
        return 42


async def test_without_the_right_to_expire(keys: Keys) -> None:
    """The sum stands: to take it for not added would be to add it again and again."""
    client = Refusing({"EXPIRE": NoPermissionError("no")})
    assert await RedisTokenLedger(client, keys).add("openai", DAY, 1) == 42


@pytest.mark.parametrize("error", [NoPermissionError("no"), ResponseError("not an integer")])
async def test_a_refusal_is_no_halt(keys: Keys, error: Exception) -> None:
    """Budgets are then counted by each worker alone; no job suffers."""
    with pytest.raises(LedgerAway, match=str(error)):
        await RedisTokenLedger(Refusing({"INCRBY": error}), keys).add("openai", DAY, 1)


async def test_expiry_is_set_once_a_day(keys: Keys) -> None:
    """Not with every second's sum."""
    client = Refusing({})
    ledger = RedisTokenLedger(client, keys)
    for day in (DAY, DAY, NEXT_DAY, NEXT_DAY):
        await ledger.add("openai", day, 1)
    assert [args[0] for args in client.sent].count("EXPIRE") == 2
