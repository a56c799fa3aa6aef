"""The incidents, their order, and where they lead."""

import re
from collections import Counter
from pathlib import Path

import pytest

from drills.incidents import INCIDENTS, Kind, draw
from drills.troubles import TROUBLES

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"


def test_the_same_seed_is_the_same_order() -> None:
    """A game day can be played again; another seed is another one."""
    assert draw(7, 7) == draw(7, 7)
    assert len({tuple(draw(seed, 7)) for seed in range(20)}) > 10


def test_none_comes_twice_before_each_has_come() -> None:
    """They are drawn like cards."""
    assert Counter(draw(3, 2 * len(Kind))) == Counter(dict.fromkeys(Kind, 2))


def test_only_what_was_chosen_comes() -> None:
    """And in an order of its own, whichever way it was named."""
    some = [Kind.REDIS_FULL, Kind.CORE_GONE]
    assert set(draw(1, 5, some)) == set(some)
    assert draw(1, 5, some) == draw(1, 5, some[::-1])


def test_each_can_be_broken_and_told() -> None:
    """None is only a name."""
    assert INCIDENTS.keys() == TROUBLES.keys() == set(Kind)
    assert len({incident.name for incident in INCIDENTS.values()}) == len(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_each_leads_to_a_section(kind: Kind) -> None:
    """Under this very heading."""
    headings = re.findall(r"^### (\w+)$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    assert INCIDENTS[kind].section in headings
