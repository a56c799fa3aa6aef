"""How long each stream was about a minute ago: by that, who looks now can tell how fast it grows.

What arrives is in no worker's hands to count, and what was deleted at its end leaves no trace; the
length says both, on every server and at no cost. Every worker remembers it, so that any of them
that lives will do.
"""

from collections import deque
from collections.abc import Mapping

_KEPT_S = 60.0
_APART_S = 4.0
"""A worker that is nudged beats more often; that adds nothing here."""


class Tide:
    """Lengths of the last minute; times are Unix seconds on the server's clock."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Mapping[str, int]]] = deque()

    def note(self, at: float, lengths: Mapping[str, int]) -> None:
        """So long they are now, by job type."""
        looks = self._looks
        if looks and not 0 <= at - looks[-1][0] <= _KEPT_S:
            looks.clear()  # an outage, or another server's clock: what was before tells nothing
        if not looks or at - looks[-1][0] >= _APART_S:
            looks.append((at, lengths))
        while at - looks[0][0] > _KEPT_S:
            looks.popleft()

    def before(self) -> dict[str, tuple[float, int]]:
        """By job type when the first of these looks was, and how long the stream was."""
        if not self._looks:
            return {}
        at, lengths = self._looks[0]
        return {name: (at, length) for name, length in lengths.items()}
