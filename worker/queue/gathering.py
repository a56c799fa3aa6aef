"""Writes gathered into few scripts: take one, take what else is there, send, rest, repeat.

The batch forms by itself, of what arrived while the last one was on its way and in the rest after
it. Who comes to a quiet place is sent at once; only where many come does one wait, and no slot of
the model's waits with it. Twenty to forty times cheaper than one script per write.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from worker.queue.redis_clients import insist

T = TypeVar("T")
REST_S = 0.02
"""Between two scripts of a kind. Redis answers in less than one millisecond: without a rest, 400
jobs a second went in scripts of two or three, and each costs as much as ten writes in one."""
BATCH_BYTES = 4_000_000
"""Of contents in one script; a single write may be larger, and then goes alone."""


class Gathering(Generic[T]):
    """Sends writes of one kind in batches; `run` must be running for them to be answered.

    Args:
        send: sends some, in their order, and tells of each whether its entry was still ours. It is
            repeated while Redis is away.
        doing: what that is, for the log.
        batch_max: how many go together.
        size: of a write's contents, in bytes.
        ends: whether such a write ends our hold on its entry.
    """

    def __init__(
        self,
        send: Callable[[Sequence[T]], Awaitable[Sequence[bool]]],
        *,
        doing: str,
        batch_max: int,
        size: Callable[[T], int] = lambda _: 0,
        ends: bool = False,
    ) -> None:
        self._send = send
        self._doing = doing
        self._batch_max = batch_max
        self._size = size
        self._ends = ends
        self._waiting: deque[tuple[T, asyncio.Future[bool]]] = deque()
        self._some = asyncio.Event()
        self._is_over = False

    def put(self, write: T) -> "asyncio.Future[bool]":
        """Have something written, whether or not anybody waits for the answer.

        Returns:
            Whether its entry was still ours; else nothing was written. It may raise `Halt`, and is
            cancelled when `run` is.
        """
        ours: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self._is_over:
            ours.cancel()
        else:
            self._waiting.append((write, ours))
            self._some.set()
        return ours

    async def run(self) -> None:
        """Send what has gathered, until cancelled."""
        batch: list[tuple[T, asyncio.Future[bool]]] = []
        try:
            while True:
                await self._some.wait()
                self._some.clear()
                while self._waiting:
                    batch = self._next_batch()
                    await self._send_batch(batch)
                    if len(self._waiting) < self._batch_max:
                        await asyncio.sleep(REST_S)
        finally:  # who waits for an answer that nobody will fetch would wait for ever
            self._is_over = True
            for _, ours in (*batch, *self._waiting):
                ours.cancel()

    def _next_batch(self) -> list[tuple[T, "asyncio.Future[bool]"]]:
        batch = [self._waiting.popleft()]
        size = self._size(batch[0][0])
        while self._waiting and len(batch) < self._batch_max:
            size += self._size(self._waiting[0][0])
            if size > BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _send_batch(self, batch: list[tuple[T, "asyncio.Future[bool]"]]) -> None:
        writes, sent = [write for write, _ in batch], 0

        async def send() -> Sequence[bool]:
            nonlocal sent
            sent += 1
            return await self._send(writes)

        try:
            answers = await insist(send, doing=self._doing)
        except Exception as error:  # each job deals with it; the other batches are no worse for it
            for _, ours in batch:
                if not ours.done():
                    ours.set_exception(error)
            return
        for (_, ours), answer in zip(batch, answers, strict=True):
            if not ours.done():
                # After a second sending they may not be ours because the first, whose reply was
                # lost, has ended our hold on them.
                ours.set_result(answer or (self._ends and sent > 1))
