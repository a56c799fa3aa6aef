"""Who is told of calls as they happen, and who is asked before them: metrics and budgets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from worker.llm.chat import Completion


class CallObserver(Protocol):
    """Somebody who counts; returns at once and never raises."""

    def called(
        self, provider: str, model: str, outcome: str, seconds: float, completion: Completion | None
    ) -> None:
        """A call has ended.

        Args:
            provider: the preset's name.
            model: as the server knows it.
            outcome: `ok`, or a word of `worker.llm.causes`.
            seconds: what it took.
            completion: what came back, if something did.
        """
        ...

    def breaker(self, provider: str, server: str, state: str) -> None:
        """A server is being left alone (`open`), tried (`half_open`) or used (`closed`)."""
        ...


class Budgets(Protocol):
    """How many tokens a day each provider may have."""

    def wait_s(self, provider: str) -> float | None:
        """Seconds until it may be asked again; None when it may be asked now."""
        ...

    def count(self, provider: str, tokens: int) -> None:
        """So many more have been used."""
        ...


class Unobserved:
    """Nobody counts."""

    def called(
        self, provider: str, model: str, outcome: str, seconds: float, completion: Completion | None
    ) -> None:
        """Let it pass."""

    def breaker(self, provider: str, server: str, state: str) -> None:
        """Let it pass."""


class Unlimited:
    """Every provider may have as many tokens as there are."""

    def wait_s(self, provider: str) -> float | None:
        """Never."""
        del provider

    def count(self, provider: str, tokens: int) -> None:
        """Let it pass."""


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who counts calls, what time it is, and from when on a call is slow.

    Attributes:
        slow_s: seconds; 0 for a share of each call's own limit.
    """

    observer: CallObserver
    budgets: Budgets
    elapsed: Callable[[], float]
    slow_s: float = 0.0
