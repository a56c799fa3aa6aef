"""What happened, line by line; two runs of one seed have the same hash or something leaks in."""

import hashlib
from collections import deque

_KEPT = 20_000


class Trace:
    """The last lines, and a hash over all of them."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=12)
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self.length = 0

    def add(self, at_s: float, who: str, what: str) -> None:
        """Write down one thing that happened."""
        line = f"{at_s:12.4f} {who:<9} {what}"
        self._hash.update(line.encode())
        self._lines.append(line)
        self.length += 1

    @property
    def digest(self) -> str:
        """The same for the same story."""
        return self._hash.hexdigest()

    def lines(self, about: str = "") -> list[str]:
        """The lines that mention something, oldest first."""
        return [line for line in self._lines if about in line]
