"""Payloads that two people can hold side by side."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.page.payloads import SHOWN_CHARS, diffable


def test_names_in_order_and_one_value_a_line() -> None:
    """However the producer wrote them."""
    first = diffable('{"b":[1,{"z":null,"a":"größe"}],"a":true}')
    assert first == diffable('{ "a" : true, "b":[1, {"a":"gr\\u00f6\\u00dfe","z":null}] }')
    assert first.splitlines()[1:4] == ['  "a": true,', '  "b": [', "    1,"]


@pytest.mark.parametrize("text", ["", "nope", "{", "[" * 99_999, '{"a":' + "9" * 9_999 + "}"])
def test_what_is_no_json_is_shown_as_it_is(text: str) -> None:
    """There is nothing to put in order."""
    assert diffable(text) == text


def test_the_rest_of_a_huge_one_is_counted() -> None:
    """A megabyte helps nobody on a page."""
    shown = diffable(json.dumps({"a": "x" * 2_000_000}))
    assert len(shown) < SHOWN_CHARS + 100
    assert shown.endswith("more characters")


@given(st.text())
def test_any_text_has_a_look(text: str) -> None:
    """Nothing makes it fail."""
    assert isinstance(diffable(text), str)
