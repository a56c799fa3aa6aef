"""Values from the parts of a text, made one."""

import pytest
from pydantic import JsonValue

from worker.handlers.merging import Contradiction, merged

AGREEING: list[tuple[list[JsonValue], JsonValue]] = [
    ([{"a": 1}], {"a": 1}),
    ([{"a": 1, "b": None}, {"a": 1, "b": 2}], {"a": 1, "b": 2}),
    ([{"a": "", "b": {}}, {"a": "x", "b": {"c": 1}}], {"a": "x", "b": {"c": 1}}),
    ([{"a": "x"}, {"a": ""}, {"a": None}, {"b": []}], {"a": "x", "b": []}),
    ([[1, 1, 2], [2, 3]], [1, 1, 2, 3]),
    ([[{"a": 1, "b": 2}], [{"b": 2, "a": 1}]], [{"a": 1, "b": 2}]),
    ([{"a": {"b": [1]}}, {"a": {"b": [2], "c": 0}}], {"a": {"b": [1, 2], "c": 0}}),
    ([{"a": 0}, {"a": 0}], {"a": 0}),
    ([{}, {"a": False}], {"a": False}),
]


@pytest.mark.parametrize(("values", "whole"), AGREEING)
def test_parts_that_agree(values: list[JsonValue], whole: JsonValue) -> None:
    """Lists are joined, gaps are filled, what is the same stays."""
    assert merged(values) == whole


@pytest.mark.parametrize(
    "values",
    [
        [{"a": 1}, {"a": 2}],
        [{"a": 0}, {"a": 1}],
        [{"a": False}, {"a": 0}],
        [{"a": {"b": "x"}}, {"a": {"b": "y"}}],
        [{"a": [1]}, {"a": "x"}],
    ],
)
def test_parts_that_do_not(values: list[JsonValue]) -> None:
    """Which of two is right cannot be told by looking at them."""
    with pytest.raises(Contradiction):
        merged(values)


def test_values_are_left_as_they_were() -> None:
    """They are kept for another try."""
    one: dict[str, JsonValue] = {"a": [1], "b": {"c": None}}
    merged([one, {"a": [2], "b": {"c": 1}}])
    assert one == {"a": [1], "b": {"c": None}}
