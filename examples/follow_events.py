"""Follows the lifecycle events and prints a line for each: what a chat bot or a gateway would do.

    python examples/follow_events.py --redis redis://localhost:6379 --group my-bot

A group of its own: it gets every event, whoever else listens, and goes on where it was when it is
started again. An event is acknowledged once it has been dealt with, so after a crash it may come
twice. Needs `shared` and `redis`, nothing of the worker.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004 - redis-py's are no OSErrors

from shared import EventError, JobEvent, Keys, create_consumer_group, decode_event

_BLOCK_MS = 1_000
_AT_ONCE = 100
_AWAY_S = 1.0
_LEFT: str = "0"
_NEW: str = ">"
Row = tuple[bytes, dict[bytes, bytes]]


async def follow(client: Redis, stream: str, group: str, name: str) -> AsyncIterator[JobEvent]:
    """Every event that is kept, and then each new one; asking for the next ends one's work on it.

    Args:
        client: whose replies may take longer than a second.
        stream: `Keys(prefix).events`.
        group: what has been dealt with is remembered for each.
        name: this process's name in the group, the same after a restart.
    """
    await create_consumer_group(client, stream, group)
    start = _LEFT  # what this name was given and has not acknowledged: it was stopped, or cut off
    while True:
        try:
            rows = await _read(client, stream, (group, name), start)
        except (ConnectionError, TimeoutError) as error:
            print(f"redis is away: {error}", file=sys.stderr)
            await asyncio.sleep(_AWAY_S)
            continue
        if not rows:
            start = _LEFT if start == _NEW else _NEW
        for entry_id, fields in rows:
            with suppress(EventError):  # trimmed meanwhile, or of a kind that a later version adds
                yield decode_event(fields or {})
            with suppress(ConnectionError, TimeoutError):  # then it comes again
                await client.xack(stream, group, entry_id)


async def _read(client: Redis, stream: str, who: tuple[str, str], start: str) -> list[Row]:
    reply = await client.xreadgroup(*who, {stream: start}, count=_AT_ONCE, block=_BLOCK_MS)
    return [row for _, rows in cast("list[tuple[bytes, list[Row]]]", reply or []) for row in rows]


def line(event: JobEvent) -> str:
    """An event as a person reads it."""
    took = {"wait": event.wait_ms, "model": event.llm_ms, "again in": event.after_ms}
    parts = [f"{event.event:<9}", f"{event.job_type:<15}", event.job_id or "-"]
    parts += [f"user {event.user_id}"] if event.user_id is not None else []
    parts += [f"try {event.attempt}"] if event.attempt else []
    parts += [f"{what} {ms} ms" for what, ms in took.items() if ms is not None]
    parts += [str(event.reason or event.cause)] if event.reason or event.cause else []
    return "  ".join(parts)


async def main() -> None:
    """Print events until interrupted, or as many as were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--redis", default="redis://localhost:6379", help="as REDIS_URL")
    parser.add_argument("--prefix", default="llm", help="as LLM_STREAM_PREFIX")
    parser.add_argument("--group", default="events-printer", help="who has dealt with what")
    parser.add_argument("--count", type=int, default=0, help="end after so many; 0: never")
    asked = parser.parse_args()
    client = Redis.from_url(asked.redis)  # pyright: ignore[reportUnknownMemberType] - of its keywords
    left = asked.count
    try:
        async for event in follow(client, Keys(asked.prefix).events, asked.group, "printer"):
            print(line(event), flush=True)
            left -= 1
            if left == 0:
                break
    finally:
        await client.aclose()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
