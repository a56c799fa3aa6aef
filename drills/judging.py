"""What a line that the trainee has typed means. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from drills.incidents import INCIDENTS, Kind


class Word(StrEnum):
    """What is no guess."""

    LOOK = "look"
    """Show again where to look, and the list."""
    GIVE_UP = "give up"
    UNCLEAR = "unclear"
    """Nothing on the list."""


_WORDS = {"?": Word.LOOK, "look": Word.LOOK, "give up": Word.GIVE_UP, "g": Word.GIVE_UP}


def choices() -> Sequence[Kind]:
    """What there is to choose from, in the order of its numbers, which begin at 1."""
    return tuple(Kind)


def read_answer(line: str) -> Kind | Word:
    """A number of the list, an incident's short name or whole name; `look`, `give up`."""
    said = " ".join(line.lower().split())
    if said in _WORDS:
        return _WORDS[said]
    named = {str(number): kind for number, kind in enumerate(choices(), 1)}
    named |= {str(kind): kind for kind in Kind}
    named |= {incident.name.lower(): kind for kind, incident in INCIDENTS.items()}
    return named.get(said, Word.UNCLEAR)
