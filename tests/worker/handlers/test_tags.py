"""What becomes of the tags a model says."""

import pytest

from worker.handlers.tags import fold_tags, usable_tags
from worker.handlers.vocabulary import Vocabulary
from worker.llm.structured import Unusable


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (["Summer  Trip", "summer\ttrip"], ["summer trip"]),
        (["##beach!", "beach?!", "be\u200bach…"], ["beach"]),
        (["Straße", "STRASSE"], ["straße"]),
        (["cafe\u0301", "café"], ["café"]),
        (["c#", "c++", "node.js"], ["c#", "c++", "node.js"]),
        (["İ" * 60, "ok"], ["ok"]),
        (["", "  ", "#", "."], []),
        (["b", "a", "b", "c"], ["b", "a", "c"]),
        (["see https://x.example/a", "www.x.example", "x.example/?q=1", "ok"], ["ok"]),
        (["<b>bold</b>", "**strong**", "`code`"], ["bold", "strong", "code"]),
        (["and/or", "24/7", "3.5 km", "st. john"], ["and/or", "24/7", "3.5 km", "st. john"]),
    ],
)
def test_fold_tags(said: list[str], kept: list[str]) -> None:
    """Tags are folded, repeated and empty ones dropped, the order kept."""
    assert fold_tags(said) == kept


def test_without_a_list_any_tag_will_do() -> None:
    """What is folded away is no loss: it said nothing, or said it twice."""
    usable = usable_tags(["Sea", "sea", "#", "https://evil.example"], None)
    assert usable.tags == ["sea"]
    assert usable.dropped == 1
    with pytest.raises(Unusable):
        usable_tags(["#", " "], None)


def test_with_a_list_strangers_are_counted() -> None:
    """Tags outside of the list are left out; each is one that was dropped."""
    usable = usable_tags(["sea", "hacked", "SEA", "owned"], Vocabulary(["Sea", "Boat"]))
    assert usable.tags == ["Sea"]
    assert usable.dropped == 2


def test_nothing_of_the_list_is_no_answer() -> None:
    """The model is told that there is a list; the words it made up are not repeated."""
    with pytest.raises(Unusable, match="list of allowed tags") as caught:
        usable_tags(["hacked"], Vocabulary(["sea"]))
    assert "hacked" not in str(caught.value)
