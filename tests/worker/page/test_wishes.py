"""What a viewer asks for, read."""

from urllib.parse import parse_qs

import pytest

from worker.operations.graveyard import Wanted
from worker.page.answers import Refusal
from worker.page.notices import notice
from worker.page.wishes import (
    as_query,
    in_words,
    job_id,
    job_query,
    job_type,
    starting_at,
    wanted_letters,
)


def test_a_filter_goes_there_and_back() -> None:
    """Whatever somebody types, and nothing where nothing is asked for."""
    said = {"type": "text_tag", "reason": "bug", "id": "a&b=c #\u202e\udcff"}
    wanted = wanted_letters(said)
    assert wanted == Wanted("text_tag", "bug", said["id"])
    assert isinstance(wanted, Wanted)
    found = parse_qs(as_query(wanted, before="1-1").removeprefix("?"))
    assert found == {
        "type": ["text_tag"],
        "reason": ["bug"],
        "id": ["a&b=c #\u202e?"],
        "before": ["1-1"],
    }
    assert wanted_letters({"type": " "}) == Wanted()
    assert (as_query(Wanted()), in_words(Wanted())) == ("", "")
    assert in_words(Wanted("x", "y")) == "of the type x for the reason y"


@pytest.mark.parametrize("said", [{"reason": "zzz"}, {"id": "x" * 201}, {"type": "x" * 201}])
def test_a_filter_that_cannot_be(said: dict[str, str]) -> None:
    """It is said what may."""
    refusal = wanted_letters(said)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400


@pytest.mark.parametrize("text", ["x", "1", "-", "1-1-1", "9" * 20 + "-0", "+", "(1-1"])
def test_no_letters_id(text: str) -> None:
    """It would be a command of Redis otherwise."""
    assert isinstance(starting_at({"before": text}, "before"), Refusal)
    assert starting_at({"before": " 1-1 "}, "before") == "1-1"
    assert starting_at({}, "before") == ""


def test_jobs_by_name() -> None:
    """Ids are anybody's texts, and types are ours."""
    assert job_id({"id": " j1 "}) == "j1"
    assert isinstance(job_id({"id": "x" * 201}), Refusal)
    assert job_query("a/b c&d", done="replayed") == "?id=a%2Fb%20c%26d&done=replayed"
    assert job_type({"type": "text_tag"}) == "text_tag"
    for said in ({}, {"type": "dead"}, {"type": "<b>"}):
        assert isinstance(job_type(said), Refusal)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, ""),
        ({"done": "<b>"}, ""),
        ({"done": "purged", "n": "1234"}, "Purged: 1,234 thrown away."),
        ({"done": "purged", "n": "your account"}, "Purged: ? thrown away."),
        ({"done": "purged", "n": "\N{ARABIC-INDIC DIGIT ONE}"}, "Purged: ? thrown away."),
        ({"done": "purged", "n": "9" * 9_999}, "Purged: ? thrown away."),
    ],
)
def test_a_link_says_nothing_of_its_own(query: dict[str, str], said: str) -> None:
    """A notice is one of ours, with a number at most."""
    assert notice(query) == said
