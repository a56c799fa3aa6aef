"""What is kept of an answer whose items do not all hold."""

import json
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from worker.llm.question import model_question
from worker.llm.salvage import without_bad_items


class Item(BaseModel):
    """One of many."""

    name: Annotated[str, StringConstraints(max_length=5)]
    weight: Annotated[float, Field(ge=0, le=1)]


class Items(BaseModel):
    """What is asked for."""

    items: Annotated[list[Item], Field(min_length=1, max_length=4)]
    note: Annotated[str, StringConstraints(max_length=9)] = ""


GOOD = {"name": "sea", "weight": 0.5}
LONG = {"name": "seaside", "weight": 0.5}
HEAVY = {"name": "hill", "weight": 7}


def _kept(*items: object, **more: object) -> tuple[Items, int]:
    return without_bad_items(Items, "items", json.dumps({"items": items, **more}))


def test_items_that_do_not_fit_are_left_out_and_counted() -> None:
    """The rest stays in its order, as does what stands beside the list."""
    value, dropped = _kept(LONG, GOOD, HEAVY, {"name": "tree", "weight": 1}, note="n")
    assert [item.name for item in value.items] == ["sea", "tree"]
    assert (value.note, dropped) == ("n", 2)
    assert _kept(GOOD) == (Items(items=[Item(name="sea", weight=0.5)]), 0)


@pytest.mark.parametrize(
    ("items", "more"),
    [
        ((LONG, HEAVY), {}),
        ((), {}),
        ((GOOD, LONG), {"note": "much too long"}),
        ((GOOD,) * 5, {}),
    ],
)
def test_what_is_wrong_elsewhere_is_not_salvaged(
    items: tuple[object, ...], more: dict[str, object]
) -> None:
    """No item left, a fault beside the list, or in the list as a whole: the first error stands."""
    with pytest.raises(ValidationError):
        _kept(*items, **more)
    with pytest.raises(ValidationError):
        without_bad_items(Items, "items", '{"items": 7}')
    with pytest.raises(ValidationError):
        without_bad_items(Items, "items", "[]")


def test_an_empty_list_is_an_answer_only_if_it_was_said() -> None:
    """Where every item is wrong, nothing is known, though the shape would allow no items."""

    class Loose(BaseModel):
        items: Annotated[list[Item], Field(max_length=4)]

    assert without_bad_items(Loose, "items", '{"items": []}') == (Loose(items=[]), 0)
    with pytest.raises(ValidationError):
        without_bad_items(Loose, "items", json.dumps({"items": [LONG, HEAVY]}))


def test_too_few_left_is_the_first_error() -> None:
    """What the model is told names the item, not how many there have to be."""

    class Pair(BaseModel):
        items: Annotated[list[Item], Field(min_length=2, max_length=4)]

    with pytest.raises(ValidationError, match=r"items\.1\.name"):
        without_bad_items(Pair, "items", json.dumps({"items": [GOOD, LONG]}))


def test_a_question_salvages_only_a_list_it_has() -> None:
    """A wrong name is seen when the module is loaded."""
    question = model_question("items", Items, 50, salvage="items")
    assert question.read(json.dumps({"items": [GOOD, LONG]}))[1] == 1
    for field in ("note", "things"):
        with pytest.raises(ValueError, match="no list"):
            model_question("items", Items, 50, salvage=field)
