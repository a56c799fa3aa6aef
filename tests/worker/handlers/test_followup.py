"""followup: one question on one line."""

import pytest

from shared.enums import FailureReason
from shared.schemas import FollowupPayload
from tests.worker.handlers.test_handler import bench
from worker.errors import Retryable
from worker.handlers.followup import HANDLER, QUESTION_MAX_CHARS, as_question

PAYLOAD = FollowupPayload(message="Met Anna about the flat", context="Looking for a flat in Athens")


async def test_question() -> None:
    """The model's question is the result; Core is not changed."""
    made = bench({"question": "Which flat did\nyou see?"})
    outcome = await HANDLER.run(PAYLOAD, made.tools)
    assert outcome.result == {"question": "Which flat did you see?"}
    assert outcome.effects == ()


async def test_context_comes_before_the_message() -> None:
    """What varies most stands last, and both are framed."""
    made = bench({"question": "Which flat?"})
    await HANDLER.run(PAYLOAD, made.tools)
    assert made.said.index("Looking for a flat") < made.said.index("Met Anna")
    assert made.said.count("<<<DATA") == 2


async def test_without_context_there_is_one_frame() -> None:
    """An absent context leaves no empty frame behind."""
    made = bench({"question": "Which flat?"})
    await HANDLER.run(FollowupPayload(message="Met Anna"), made.tools)
    assert made.said.count("<<<DATA") == 1


async def test_no_words_is_another_try() -> None:
    """A lone question mark asks nothing."""
    with pytest.raises(Retryable) as caught:
        await HANDLER.run(PAYLOAD, bench(*[{"question": " … ?"}] * 2).tools)
    assert caught.value.reason is FailureReason.INVALID_ANSWER


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Which flat", "Which flat?"),
        ("Which flat.", "Which flat?"),
        ("Which flat??", "Which flat?"),
        ("أي شقة\N{ARABIC QUESTION MARK}", "أي شقة?"),
        ("\u202eWhich\r\nflat ?", "Which flat?"),
        ("Which [flat](https://evil.example)? ![](https://evil.example/p?x=1)", "Which flat?"),
        ("?", ""),
        ("", ""),
    ],
)
def test_as_question(said: str, question: str) -> None:
    """One line, one question mark at its end."""
    assert as_question(said) == question


def test_question_mark_fits_into_the_bound() -> None:
    """Adding the question mark does not make it too long."""
    assert len(as_question("x" * QUESTION_MAX_CHARS)) == QUESTION_MAX_CHARS
