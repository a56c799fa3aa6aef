"""When to speak of what lasts: as it begins, and again each minute until it is over.

A log that says an outage once is silent where somebody looks for it six minutes later; one that
says every try hides everything else.
"""

from collections.abc import Callable
from dataclasses import dataclass

AGAIN_S = 60.0


@dataclass(slots=True)
class Reminder:
    """Of one thing that may last.

    Attributes:
        elapsed: seconds that only ever grow.
    """

    elapsed: Callable[[], float]
    _since: float | None = None
    _said: float = 0.0

    @property
    def lasts_s(self) -> float:
        """How long it has lasted; 0 where there is nothing."""
        return 0.0 if self._since is None else self.elapsed() - self._since

    def due_s(self) -> int | None:
        """It lasts: how many seconds by now, where that is to be said; None where not yet."""
        now = self.elapsed()
        if self._since is None:
            self._since = now
        elif now - self._said < AGAIN_S:
            return None
        self._said = now
        return round(now - self._since)

    def over(self) -> bool:
        """It lasts no more, the next is another one; whether there was anything to be over."""
        lasted, self._since = self._since is not None, None
        return lasted
