"""What a typed line means."""

import pytest

from drills.incidents import INCIDENTS, Kind
from drills.judging import Word, choices, read_answer


@pytest.mark.parametrize("kind", Kind)
def test_number_short_name_and_name_mean_the_same(kind: Kind) -> None:
    """However it is written."""
    number = str(choices().index(kind) + 1)
    for said in (number, f" {number} ", kind, kind.upper(), INCIDENTS[kind].name.title()):
        assert read_answer(said) is kind


@pytest.mark.parametrize("said", ["look", "LOOK", "?"])
def test_who_wants_to_look_again_does_not_guess(said: str) -> None:
    """It is a word of its own."""
    assert read_answer(said) is Word.LOOK


@pytest.mark.parametrize("said", ["give up", "Give  up", "g"])
def test_one_may_give_up(said: str) -> None:
    """In a word or a letter."""
    assert read_answer(said) is Word.GIVE_UP


@pytest.mark.parametrize("said", ["0", "8", "-1", "1.0", "the model", "\x00", "²", "unclear"])
def test_what_is_not_on_the_list_is_no_guess(said: str) -> None:
    """Nobody is told wrong for a slip of the finger."""
    assert read_answer(said) is Word.UNCLEAR
