"""What a server can do beyond Redis 6.2, found out by asking, without any effect.

Versions don't tell: Valkey calls itself Redis 7.2.4, and clouds leave commands out. The worker
uses none of these (`docs/redis.md` says why); `llm-worker check` shows them.
"""

from collections.abc import Mapping
from typing import Any, cast

from redis.exceptions import NoPermissionError, ResponseError

from shared.redis_streams import GROUP, Keys, StreamClient
from worker.queue.redis_clients import OUTAGE

_ABSENT = ("unknown command", "syntax error", "Invalid stream ID", "wrong number of arguments")
_RISKY_XACKDEL = ("8.2.0", "8.2.1", "8.2.2")
"""A crafted call of it overflows the stack there."""


async def extras(client: StreamClient, keys: Keys) -> dict[str, bool]:
    """Which commands the server has that 6.2 has not; a refused one counts as absent.

    Raises:
        redis.exceptions.RedisError: one of `OUTAGE`: the server could not be asked.
    """
    nothing = f"{keys.prefix}:probe"  # a key that is never there
    probes: Mapping[str, tuple[str | int, ...]] = {
        "XREADGROUP CLAIM": (
            *("XREADGROUP", "GROUP", GROUP, "probe", "COUNT", 1, "CLAIM", 1_000),
            *("STREAMS", nothing, ">"),
        ),
        "XACKDEL": ("XACKDEL", nothing, GROUP, "IDS", 1, "0-1"),
        "XNACK": ("XNACK", nothing, GROUP, "SILENT", "IDS", 1, "0-1"),
    }
    found = {name: await _has(client, words) for name, words in probes.items()}
    if found["XACKDEL"]:
        found["XACKDEL"] = await _version(client) not in _RISKY_XACKDEL
    return found


async def _has(client: StreamClient, words: tuple[str | int, ...]) -> bool:
    try:
        await client.execute_command(*words)
    except NoPermissionError:
        return False
    except OUTAGE:
        raise
    except ResponseError as error:
        return not any(absent in str(error) for absent in _ABSENT)
    return True


async def _version(client: StreamClient) -> str:
    try:
        info = cast("Mapping[str, Any]", await client.execute_command("INFO", "server"))
    except NoPermissionError:
        return _RISKY_XACKDEL[0]  # unknown: not to be trusted
    return "" if "valkey_version" in info else str(info.get("redis_version"))
