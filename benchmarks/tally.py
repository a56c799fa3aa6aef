"""Counts that several processes share: a file of a few numbers, mapped into memory.

Each number has one writer; the others look. Counting costs well under a microsecond, so it can
stand inside what is measured.
"""

import mmap
import os
from enum import IntEnum
from pathlib import Path
from struct import Struct

_NUMBER = Struct("<Q")


class Count(IntEnum):
    """What is counted."""

    DONE = 0
    """Jobs whose last word has reached Core; of the jobs without work, those that have begun."""
    AGAIN = 1
    """Last words that Core had heard before."""
    CORE = 2
    """Requests to Core."""
    MODEL = 3
    """Calls of the model."""


class Tally:
    """The numbers in a file; it is made where it is missing, and begins with zeros."""

    def __init__(self, file: Path) -> None:
        handle = os.open(file, os.O_RDWR | os.O_CREAT)
        try:
            os.ftruncate(handle, _NUMBER.size * len(Count))
            self._numbers = mmap.mmap(handle, _NUMBER.size * len(Count))
        finally:
            os.close(handle)

    def __getitem__(self, count: Count) -> int:
        return int(_NUMBER.unpack_from(self._numbers, count * _NUMBER.size)[0])

    def __setitem__(self, count: Count, value: int) -> None:
        _NUMBER.pack_into(self._numbers, count * _NUMBER.size, value)

    def add(self, count: Count) -> None:
        """One more."""
        self[count] += 1
