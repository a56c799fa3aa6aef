"""A long text asked about part by part: a few parts at once, none of them paid for twice."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import TypeVar, cast

T = TypeVar("T")

MOST_PARTS = 8
PARTS_AT_ONCE = 4
"""Each call takes its own slot, so this bounds what one job may take of the worker."""


async def each_part(
    kept: dict[str, object], name: str, pieces: Sequence[str], ask: Callable[[str], Awaitable[T]]
) -> list[T]:
    """Ask about every piece, and give the answers in the order of the pieces.

    When one fails no other is begun, but those under way end: their answers are kept, and the next
    try of the job does not ask for them again.

    Args:
        kept: what earlier tries of the job have put aside.
        name: the question, so that two of them do not get each other's answers.
        pieces: the parts.
        ask: asks about one.

    Raises:
        JobError: the first that was raised.
    """
    failures: list[Exception] = []
    keys = [f"{name}:{_digest(piece)}" for piece in pieces]
    waiting = iter([(key, piece) for key, piece in zip(keys, pieces, strict=True)])

    async def lane() -> None:
        for key, piece in waiting:
            if failures:
                return
            if key not in kept:
                try:
                    kept[key] = await ask(piece)
                except Exception as error:
                    failures.append(error)

    async with asyncio.TaskGroup() as lanes:
        for _ in range(min(PARTS_AT_ONCE, len(pieces))):
            lanes.create_task(lane())
    if failures:
        raise failures[0]
    return [cast("T", kept[key]) for key in keys]


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
