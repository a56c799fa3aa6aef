"""What the parts of a job's work say of themselves to whoever traces it; to nobody, usually.

The span that work belongs to is known to the task it runs in and to the tasks that this one makes.
Where nobody traces, that is `UNTRACED`, which costs the time of a look.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Protocol, TypedDict, Unpack


class Step(StrEnum):
    """The kinds of work that have a span of their own within a job's."""

    QUESTION = "question"
    """One question to the model, asked again or not."""
    CORE = "core"
    """One request to Core."""


class Said(TypedDict, total=False):
    """The words for what is said of a step; `worker.observability.trace_names` has the standard's.

    Never a text that came from a producer, from the model or from Core.
    """

    provider: str
    model: str
    server: str
    port: int
    max_tokens: int
    prompt: str
    """The prompt's name and version, such as `text_tag/3`."""
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    finish_reason: str
    reasks: int
    method: str
    route: str
    """A path with names in place of ids."""
    status: int


class Span(Protocol):
    """A piece of work with a beginning and an end."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request carries so that the server's spans join this one."""
        ...

    def step(self, step: Step, **said: Unpack[Said]) -> "Span":
        """A piece of this work, begun now."""
        ...

    def say(self, **said: Unpack[Said]) -> None:
        """Add to what is known of it."""
        ...

    def end(self, error: str = "") -> None:
        """It is over; `error` is a word for what went wrong."""
        ...


class _Untraced:
    """Nobody wants to know."""

    headers: Mapping[str, str] = {}

    def step(self, step: Step, **said: Unpack[Said]) -> Span:
        """Itself."""
        del step, said
        return self

    def say(self, **said: Unpack[Said]) -> None:
        """Let it pass."""

    def end(self, error: str = "") -> None:
        """Let it pass."""


UNTRACED: Span = _Untraced()
_current: ContextVar[Span] = ContextVar("span", default=UNTRACED)


def current() -> Span:
    """The span that the running code belongs to."""
    return _current.get()


def enter(span: Span) -> None:
    """Let what this task does from now on belong to a span."""
    _current.set(span)


@contextmanager
def step(kind: Step, **said: Unpack[Said]) -> Generator[Span]:
    """A span around a block, ended with it."""
    parent = _current.get()
    if parent is UNTRACED:
        yield parent
        return
    span = parent.step(kind, **said)
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        span.end(error_word(error))
        raise
    else:
        span.end()
    finally:
        _current.reset(token)


def error_word(error: BaseException) -> str:
    """The cause of an error of ours, else the name of its type; never its message."""
    return getattr(error, "cause", "") or type(error).__name__
