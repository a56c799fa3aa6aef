"""Without anybody who traces nothing is told, and nothing is in the way."""

import asyncio

import pytest

from worker.errors import Retryable
from worker.tracing import UNTRACED, Said, Span, Step, current, enter, error_word, step


class Noted:
    """A span that writes down what becomes of it."""

    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self.journal = journal
        self.headers = {"traceparent": name}

    def step(self, step: Step, **said: object) -> Span:
        """Note the beginning."""
        self.journal.append(f"{self.name} > {step} {sorted(said)}")
        return Noted(step, self.journal)

    def say(self, **said: object) -> None:
        """Note it."""
        self.journal.append(f"{self.name} {sorted(said)}")

    def end(self, error: str = "") -> None:
        """Note it."""
        self.journal.append(f"{self.name} . {error}")


def test_untraced() -> None:
    """Steps are the same nobody, and requests carry nothing."""
    with step(Step.CORE, method="PATCH") as span:
        span.say(status=200)
        assert span is current() is UNTRACED
    assert UNTRACED.step(Step.QUESTION) is UNTRACED
    assert UNTRACED.headers == {}
    UNTRACED.end("odd")


async def test_steps_within_steps() -> None:
    """What runs in a step belongs to it, tasks that it makes included; afterwards it is over."""
    journal: list[str] = []

    async def work() -> None:
        enter(Noted("job", journal))
        with step(Step.QUESTION, model="m"):
            assert await asyncio.create_task(inner()) == {"traceparent": "question"}
        assert current().headers == {"traceparent": "job"}

    async def inner() -> object:
        return current().headers

    await asyncio.create_task(work())
    assert journal == ["job > question ['model']", "question . "]
    assert current() is UNTRACED


async def test_a_step_that_fails() -> None:
    """It ends with the cause, and the error goes on."""
    journal: list[str] = []

    async def work() -> None:
        enter(Noted("job", journal))
        with pytest.raises(Retryable), step(Step.CORE):
            raise Retryable("secret words", cause="timeout")
        with pytest.raises(KeyError), step(Step.CORE):
            raise KeyError("secret words")

    await asyncio.create_task(work())
    assert journal[1::2] == ["core . timeout", "core . KeyError"]


def test_words_for_errors() -> None:
    """The cause, else the type; never the message."""
    assert error_word(Retryable("secret", cause="timeout")) == "timeout"
    assert error_word(Retryable("secret")) == "Retryable"
    assert error_word(asyncio.CancelledError()) == "CancelledError"


def test_no_word_for_texts() -> None:
    """What producers, the model and Core write has no place in a trace."""
    assert not Said.__annotations__.keys() & {"payload", "text", "answer", "message", "content"}
