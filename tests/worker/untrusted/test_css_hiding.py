"""What an inline style hides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.untrusted.css_hiding import (
    BLACK,
    WHITE,
    alike,
    colour,
    declarations,
    is_hidden,
    is_see_through,
)


def test_declarations() -> None:
    """Lower case, the last of a name counts, what is no declaration is harmless."""
    style = "Color: RED; ;x; color : blue !important;font-size:1px"
    assert declarations(style) == {"color": "blue", "": "", "x": "", "font-size": "1px"}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (" #FFF ", WHITE),
        ("#000000", BLACK),
        ("#0a0B0c", (10, 11, 12)),
        ("White", WHITE),
        ("rgb(1, 2,3)", (1, 2, 3)),
        ("rgba(1 2 3 / 0.5)", (1, 2, 3)),
        ("url(a.png)", None),
        ("#12", None),
        ("", None),
    ],
)
def test_colour(said: str, found: object) -> None:
    """In the ways that emails use; anything else is unknown."""
    assert colour(said) == found


def test_colours_that_cannot_be_told_apart() -> None:
    """Nearly white on white is white on white; an unknown colour can be seen."""
    assert alike(WHITE, (240, 250, 255))
    assert not alike(WHITE, (200, 255, 255))
    assert not alike(None, WHITE)


@pytest.mark.parametrize(
    ("size", "hidden"),
    [
        *[
            ("0", True),
            ("1px", True),
            ("0.1em", True),
            ("9%", True),
            ("2px", False),
            ("1em", False),
        ],
        *[("small", False), ("", False), (".", False), ("-1px", True), ("9" * 50, False)],
    ],
)
def test_letters_of_no_size(size: str, hidden: bool) -> None:
    """Up to a pixel, whatever the unit."""
    assert is_hidden({"font-size": size}) is hidden


@given(st.text(max_size=40))
def test_any_style_is_read(style: str) -> None:
    """Whatever stands in the attribute."""
    found = declarations(f"color:{style};{style}")
    assert is_hidden(found) in {True, False}
    assert is_see_through(style) in {True, False}
    colour(style)
