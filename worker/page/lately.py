"""What was looked at within the last second is not looked at again, however many look."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

T = TypeVar("T")

FRESH_S = 1.0
KEPT_MAX = 64
AT_ONCE = 2
"""So many looks at the same time: the connections to Redis are few, and the loop has other work."""


@dataclass(slots=True)
class _Look:
    task: asyncio.Task[Any]
    began: int
    done_at: float | None = None


class Lately:
    """Looks that are shared: who comes while one is under way, or just after it, gets the same.

    Args:
        elapsed: seconds that never run backwards.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._looks: dict[Hashable, _Look] = {}
        self._few = asyncio.Semaphore(AT_ONCE)
        self._round = 0

    async def look(self, key: Hashable, at: Callable[[], Awaitable[T]]) -> T:
        """What `at` returns or raises, or has a moment ago."""
        found = self._looks.get(key)
        if found is None or not self._is_fresh(found):
            found = self._begin(key, at)
        return cast("T", await asyncio.shield(found.task))

    def __len__(self) -> int:
        """How many looks are remembered."""
        return len(self._looks)

    def forget(self) -> None:
        """Something was changed: nothing that was seen before is shown again."""
        self._round += 1

    def close(self) -> None:
        """Give up what is under way."""
        for look in self._looks.values():
            look.task.cancel()

    def _is_fresh(self, look: _Look) -> bool:
        recent = look.done_at is None or self._elapsed() - look.done_at < FRESH_S
        return recent and look.began == self._round

    def _begin(self, key: Hashable, at: Callable[[], Awaitable[T]]) -> _Look:
        async def few_at_once() -> T:
            async with self._few:
                return await at()

        look = _Look(asyncio.create_task(few_at_once()), self._round)

        def done(task: asyncio.Task[T]) -> None:
            look.done_at = self._elapsed()
            if not task.cancelled():
                task.exception()  # seen here, where all who waited for it have gone

        look.task.add_done_callback(done)
        # What is stale goes, too: a payload that somebody looked at is not kept for ever.
        self._looks = {name: old for name, old in self._looks.items() if self._is_fresh(old)}
        self._looks.pop(key, None)
        self._looks[key] = look
        while len(self._looks) > KEPT_MAX:
            self._looks.pop(next(iter(self._looks)))
        return look
