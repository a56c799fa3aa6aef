"""What `llm-worker check` finds at Redis."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from redis.exceptions import RedisError

from shared.redis_streams import Keys
from worker.cli.finding import Finding, Verdict
from worker.cli.redis_trouble import trouble
from worker.config import Settings
from worker.operations.refused_writes import RefusedWrites, refused_writes
from worker.queue.redis_capabilities import extras
from worker.queue.redis_clients import CommandClient, connect


async def redis_findings(settings: Settings) -> AsyncIterator[Finding]:
    """Whether it answers, takes writes, and is set up so that it loses nothing."""
    keys = Keys(settings.llm_stream_prefix)
    clients = connect(settings.redis_url, key=keys.dead)
    try:
        info = cast("Mapping[str, Any]", await clients.commands.execute_command("INFO"))
        yield _version(info)
        refused = await refused_writes(clients.commands, keys)
        yield _writes(refused)
        for name, good, fix in (
            ("maxmemory-policy", ("noeviction",), "else streams vanish when memory is full"),
            ("appendonly", ("yes",), "else a crash of Redis loses the queue"),
        ):
            yield await _option(clients.commands, name, good, fix)
        if refused is None:  # they are asked for with what could be writes
            yield await _extras(clients.commands, keys)
    except (RedisError, OSError) as error:
        yield Finding("redis", Verdict.FAILED, *trouble(error, settings.redis_url))
    finally:
        await clients.close()


def _writes(refused: RefusedWrites | None) -> Finding:
    """Whether workers can write down what they have done."""
    if refused is None:
        return Finding("redis writes", Verdict.OK, "taken")
    return Finding("redis writes", Verdict.FAILED, refused.found, refused.fix)


def _version(info: Mapping[str, Any]) -> Finding:
    if "valkey_version" in info:
        return Finding("redis", Verdict.OK, f"Valkey {info['valkey_version']} answers")
    version = str(info.get("redis_version", "0"))
    major, minor = (int(part) for part in (version + ".0").split(".")[:2])
    if (major, minor) < (6, 2):
        return Finding("redis", Verdict.FAILED, f"Redis {version}", "upgrade to 6.2 or newer")
    return Finding("redis", Verdict.OK, f"Redis {version} answers")


async def _extras(client: CommandClient, keys: Keys) -> Finding:
    there = [name for name, present in (await extras(client, keys)).items() if present]
    return Finding("newer commands", Verdict.OK, f"{', '.join(there) or 'none'} (none is needed)")


async def _option(client: CommandClient, name: str, good: tuple[str, ...], why: str) -> Finding:
    try:
        reply = cast("Sequence[bytes]", await client.execute_command("CONFIG", "GET", name))
    except RedisError:
        return Finding(name, Verdict.WARNING, "this user may not read it", f"check it, {why}")
    value = reply[1].decode() if len(reply) > 1 else "?"  # name and value, side by side
    if value in good:
        return Finding(name, Verdict.OK, value)
    return Finding(name, Verdict.WARNING, value, f"CONFIG SET {name} {good[0]}: {why}")
