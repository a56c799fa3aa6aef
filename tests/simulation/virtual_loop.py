"""Event loops whose time is a number: one for each simulated process, all in one thread.

A loop runs until it would sleep, and says until when. What runs next, and when, is decided outside
of it: a process that is frozen or killed is one whose loop is not turned.
"""

import asyncio
import math
import warnings
from asyncio import base_events
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
_ROUNDS_MAX = 100


@dataclass(slots=True)
class VirtualTime:
    """Seconds since the simulation began."""

    now: float = 0.0


class VirtualLoop(base_events.BaseEventLoop):
    """An event loop without files, signals and threads, turned by hand.

    Attributes:
        wake_at: when it has something to do next; infinite while it waits for others.
        errors: what nobody caught, one line each.
    """

    def __init__(self, name: str, time: VirtualTime) -> None:
        self.name = name
        self.wake_at = 0.0
        self.errors: list[str] = []
        self._virtual = time
        self._selector = _Sleepless(self)
        self._made = 0
        self._is_asleep = False
        super().__init__()
        self.set_task_factory(_numbered_task)
        self.set_exception_handler(self._note)

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._virtual.now

    def turn(self) -> None:
        """Run everything there is to do at this moment, unless it is stopped before."""
        self.wake_at = math.inf
        self._is_asleep = False
        self.run_forever()
        if not self._is_asleep:
            self.wake_at = self.time()

    def sleep_until(self, when: float) -> None:
        """Nothing is left to do before this time: the turn is over."""
        self.wake_at = min(self.wake_at, when)
        self._is_asleep = True
        self.stop()

    def post(self, callback: Callable[..., object], *args: Any) -> None:
        """Have something done in this loop, from outside of it."""
        self.wake_at = min(self.wake_at, self.time())
        self.call_soon(callback, *args)

    def post_at(self, when: float, callback: Callable[..., object], *args: Any) -> None:
        """Have something done in this loop later, from outside of it."""
        self.wake_at = min(self.wake_at, when)
        self.call_at(when, callback, *args)

    def create_future(self) -> "asyncio.Future[Any]":
        """A future that sorts the same way in every run."""
        return _NumberedFuture(self.number(), loop=self)

    def number(self) -> int:
        """One more than the last time."""
        self._made += 1
        return self._made

    def dismantle(self) -> int:
        """End what still runs; returns how many tasks there were."""
        count = len(asyncio.all_tasks(self))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of coroutines that had not begun
            for _ in range(_ROUNDS_MAX):
                if not self._cancel_all():
                    break
                self.turn()
            self.close()
        return count

    def _cancel_all(self) -> int:
        tasks = sorted(asyncio.all_tasks(self), key=hash)
        for task in tasks:
            task.cancel()
        return len(tasks)

    def _note(self, _: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.errors.append(f"{context.get('message')}: {error!r}")

    def _process_events(self, event_list: object) -> None:
        """There are no files to watch."""

    def _write_to_self(self) -> None:
        """There are no other threads."""


class _Sleepless:
    """What a loop asks to sleep in: it notes until when, and gives the turn away instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        if timeout != 0:
            later = math.inf if timeout is None else self._loop.time() + timeout
            self._loop.sleep_until(later)
        return []


class _NumberedFuture(asyncio.Future[Any]):
    """Sets of futures are walked in hash order, which is their address unless we say otherwise."""

    def __init__(self, number: int, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._number = number

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _NumberedTask(asyncio.Task[Any]):
    """As `_NumberedFuture`: a TaskGroup cancels its tasks in the order of a set."""

    def __init__(self, coro: Any, number: int, **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


def _numbered_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
    **options: Any,
) -> "asyncio.Task[T]":
    number = loop.number() if isinstance(loop, VirtualLoop) else 0
    return _NumberedTask(coro, number, loop=loop, **options)
