"""A stretch of a stream, without payloads: only the fields that are asked for."""

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from shared.redis_streams import StreamClient
from worker.queue.scripts import PLUCK

_AT_ONCE = 1_000
"""Entries that one call looks at; with large payloads it ends before that."""

_Reply = tuple[int, int, bytes, int, list[list[Any]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One entry, with the fields that were asked for and are there."""

    entry_id: str
    fields: dict[str, str]


@dataclass(slots=True)
class Plucking:
    """A walk over one stream.

    Attributes:
        newest_first: else the oldest come first.
        within: the first and the last id to look at.
        where: a field and the value it must have; everything where it is None.
        most: so many entries are looked at,
        most_bytes: or so many bytes of them, a little more at most.
        looked: so many were, with `size` bytes.
        whole: whether that was all there was.
        reached: the last id that was looked at.
    """

    client: StreamClient
    stream: str
    fields: Sequence[str]
    newest_first: bool = False
    within: tuple[str, str] = ("-", "+")
    where: tuple[str, str] | None = None
    most: int = 100_000
    most_bytes: float = math.inf
    looked: int = 0
    size: int = 0
    whole: bool = False
    reached: str = ""

    async def rows(self) -> AsyncIterator[Row]:
        """What was found, in the order of the walk."""
        start, end = reversed(self.within) if self.newest_first else self.within
        verb = "XREVRANGE" if self.newest_first else "XRANGE"
        name, value = self.where or ("", "")
        while self.looked < self.most and self.size < self.most_bytes and not self.whole:
            count = min(_AT_ONCE, self.most - self.looked)
            args = [verb, start, end, count, name, value, *self.fields]
            reply = await PLUCK(self.client, [self.stream], args)
            looked, size, last, ended, found = cast("_Reply", reply)
            self.looked, self.size = self.looked + looked, self.size + size
            start, self.whole = last.decode(), bool(ended)
            self.reached = start.removeprefix("(") if looked else self.reached
            for entry_id, *values in found:
                yield Row(entry_id.decode(), self._named(values))

    def _named(self, values: Sequence[bytes | None]) -> dict[str, str]:
        pairs = zip(self.fields, values, strict=True)
        return {name: value.decode(errors="replace") for name, value in pairs if value is not None}
