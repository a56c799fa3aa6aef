"""A stretch of a stream, without payloads: only the fields that are asked for."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from shared.redis_streams import StreamClient
from worker.scripts import PLUCK

_AT_ONCE = 200
"""Entries that one call looks at: their payloads may have a megabyte each."""


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
        most: so many entries are looked at.
        looked: so many were.
        whole: whether that was all there was.
    """

    client: StreamClient
    stream: str
    fields: Sequence[str]
    newest_first: bool = False
    within: tuple[str, str] = ("-", "+")
    where: tuple[str, str] | None = None
    most: int = 100_000
    looked: int = 0
    whole: bool = False

    async def rows(self) -> AsyncIterator[Row]:
        """What was found, in the order of the walk."""
        start, end = reversed(self.within) if self.newest_first else self.within
        verb = "XREVRANGE" if self.newest_first else "XRANGE"
        name, value = self.where or ("", "")
        while self.looked < self.most:
            count = min(_AT_ONCE, self.most - self.looked)
            args = [verb, start, end, count, name, value, *self.fields]
            looked, last, found = cast(
                "tuple[int, bytes, list[list[Any]]]", await PLUCK(self.client, [self.stream], args)
            )
            self.looked += looked
            for entry_id, *values in found:
                yield Row(entry_id.decode(), self._named(values))
            if looked < count:
                break
            start = f"({last.decode()}"
        else:
            return
        self.whole = True

    def _named(self, values: Sequence[bytes | None]) -> dict[str, str]:
        pairs = zip(self.fields, values, strict=True)
        return {name: value.decode(errors="replace") for name, value in pairs if value is not None}
