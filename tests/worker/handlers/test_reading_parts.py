"""Parts of a text asked about side by side, each paid for once."""

import asyncio

import pytest

from worker.errors import Retryable, Snooze
from worker.handlers.reading_parts import PARTS_AT_ONCE, each_part

PIECES = [f"piece {number}" for number in range(7)]


async def test_answers_in_the_order_of_the_parts() -> None:
    """However long each takes."""

    async def ask(piece: str) -> str:
        for _ in range(20 - 3 * int(piece[-1])):
            await asyncio.sleep(0)
        return piece.upper()

    assert await each_part({}, "q", PIECES, ask) == [piece.upper() for piece in PIECES]


async def test_few_at_once() -> None:
    """One job does not take all there is."""
    at_work = most = 0

    async def ask(piece: str) -> str:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return piece

    await each_part({}, "q", PIECES, ask)
    assert most == PARTS_AT_ONCE


async def test_next_try_asks_only_for_what_is_missing() -> None:
    """The answers under way when one failed are kept, and no further part was begun."""
    kept: dict[str, object] = {}
    asked: list[str] = []

    async def failing(piece: str) -> str:
        asked.append(piece)
        await asyncio.sleep(0)
        if piece == PIECES[1]:
            raise Snooze("away")
        return piece

    with pytest.raises(Snooze):
        await each_part(kept, "q", PIECES, failing)
    assert len(asked) < len(PIECES)

    async def well(piece: str) -> str:
        again.append(piece)
        return piece

    again: list[str] = []
    assert await each_part(kept, "q", PIECES, well) == PIECES
    assert sorted(again) == sorted({*PIECES} - {*asked} | {PIECES[1]})


async def test_other_question_other_answers() -> None:
    """Two questions about the same text do not get each other's answers."""
    kept: dict[str, object] = {}

    async def ask(piece: str) -> str:
        return f"{len(kept)} {piece}"

    assert await each_part(kept, "one", ["x"], ask) != await each_part(kept, "two", ["x"], ask)


async def test_first_failure_is_raised_as_it_is() -> None:
    """Not in a group: who decides what follows knows single errors."""
    failure = Retryable("no")

    async def ask(piece: str) -> str:
        raise failure

    with pytest.raises(Retryable) as caught:
        await each_part({}, "q", PIECES, ask)
    assert caught.value is failure


async def test_cancelled_with_its_parts() -> None:
    """A worker that stops leaves no question behind."""
    held, cancelled = asyncio.Event(), 0

    async def ask(piece: str) -> str:
        nonlocal cancelled
        try:
            await held.wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return piece

    task = asyncio.create_task(each_part({}, "q", PIECES, ask))
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == PARTS_AT_ONCE
