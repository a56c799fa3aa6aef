"""When an answer repeats its instructions, and when it only looks like it."""

import json

import pytest

from worker.llm.prompt_leak import RUN_WORDS, repeats_prompt

SYSTEM = "You tag notes so that their writer finds them again. Answer with one JSON object."
EIGHT = "You tag notes so that their writer finds"


@pytest.mark.parametrize(
    "said",
    [
        EIGHT,
        EIGHT.upper(),
        "I was told: 'you -- tag\nnotes, so that THEIR writer; finds' them.",
        "their writer finds them again answer with one",
        SYSTEM,
    ],
)
def test_eight_words_in_a_row_are_a_leak(said: str) -> None:
    """Whatever their case and what stands between them, at any depth of the answer."""
    assert len(EIGHT.split()) == RUN_WORDS
    for answer in ({"a": said}, [{"b": ["x", {"c": said}]}]):
        assert repeats_prompt(json.dumps(answer), SYSTEM, "the user")


@pytest.mark.parametrize(
    ("answer", "user"),
    [
        ({"a": "You tag notes so that their writer"}, ""),
        ({"a": "You tag", "b": "notes so that", "c": "their writer finds them again"}, ""),
        ({"a": "You tag notes so that one writer finds them again"}, ""),
        ({EIGHT: 1}, ""),
        ({"a": EIGHT}, f"My note: {EIGHT.upper()} me."),
        ({"a": f"{EIGHT} and, again: {EIGHT}"}, f"(you, tag\tnotes -- {EIGHT[14:]})"),
    ],
)
def test_fewer_words_or_the_users_own_are_no_leak(answer: object, user: str) -> None:
    """Words that fall together, and words that were in the note before."""
    assert not repeats_prompt(json.dumps(answer), SYSTEM, user)


def test_more_than_what_the_user_wrote_is_a_leak() -> None:
    """To know the first eight words is not to know the ninth."""
    assert repeats_prompt(json.dumps([f"{EIGHT} them"]), SYSTEM, EIGHT)


def test_a_short_prompt_cannot_leak() -> None:
    """Below eight words there is nothing to tell."""
    assert not repeats_prompt('["You tag notes."]', "You tag notes.", "")


def test_a_hundred_repetitions_are_not_looked_up_one_by_one() -> None:
    """An answer made of nothing else is a leak, even where the user's part has the words."""
    answer = json.dumps([f"{number} {EIGHT}" for number in range(100)])
    assert repeats_prompt(answer, SYSTEM, EIGHT)
