"""Pausing job types and tenants: what stands in `<prefix>:paused` no worker of the fleet takes."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, cast

from redis.exceptions import ResponseError

from shared.redis_streams import Keys, StreamClient

_TEXT_CHARS = 500


@dataclass(frozen=True, slots=True)
class PauseNote:
    """Who paused it, when (Unix seconds) and why."""

    by: str = ""
    at: float = 0.0
    why: str = ""

    def said(self, now: float) -> str:
        """By whom, for how long and why, to go on "is paused"."""
        who = f" by {self.by}" if self.by else ""
        when = f" for {round((now - self.at) / 60)} min" if self.at and isfinite(self.at) else ""
        return f"{who}{when}{f' ({self.why})' if self.why else ''}"


async def read_pauses(client: StreamClient, keys: Keys) -> dict[str, PauseNote]:
    """What is paused, by the name of its field: `type:image_tag`, `tenant:acme`."""
    reply = cast("Mapping[bytes, bytes]", await client.execute_command("HGETALL", keys.paused))
    return {name.decode(errors="replace"): _note(raw) for name, raw in sorted(dict(reply).items())}


async def pause(client: StreamClient, keys: Keys, fields: list[str], note: PauseNote) -> list[str]:
    """Have these not be taken any more; returns those that were not paused before.

    What is paused already keeps the note of who did it first.
    """
    before = await read_pauses(client, keys)
    new = [name for name in dict.fromkeys(fields) if name not in before]
    raw = json.dumps(asdict(note), ensure_ascii=False)
    for name in new:
        await client.execute_command("HSET", keys.paused, name, raw)
    await tell(client, keys)
    return new


async def resume(client: StreamClient, keys: Keys, fields: list[str]) -> list[str]:
    """Have these be taken again; returns those that were paused."""
    found = [
        name for name in fields if int(await client.execute_command("HDEL", keys.paused, name))
    ]
    await tell(client, keys)
    return found


async def tell(client: StreamClient, keys: Keys) -> None:
    """Have every worker look at the marks now; who does not hear it looks within seconds."""
    with suppress(ResponseError):  # a user who may not publish
        await client.execute_command("PUBLISH", keys.control, "paused")


def _note(raw: bytes) -> PauseNote:
    """A note; what somebody has written there by hand still pauses."""
    try:
        said = cast("dict[str, Any]", dict(json.loads(raw)))
        return PauseNote(
            str(said.get("by", ""))[:_TEXT_CHARS],
            float(said.get("at", 0)),
            str(said.get("why", ""))[:_TEXT_CHARS],
        )
    except (ValueError, TypeError, RecursionError):
        return PauseNote()
