"""What others wrote is text on the page, whatever it is made of."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.llm.limit import Reason
from worker.page import rendering
from worker.page.answers import Viewer
from worker.page.rendering import because, clock, cut, render, taken_ms, when

TEMPLATES = Path(rendering.__file__).parent / "templates"
HOSTILE = "<script>alert(1)</script>\"'>\x1b[31m\u202egnp.exe\u200b\ud800\x00&amp;{{ 7*7 }}"


class Elements(HTMLParser):
    """The elements of a text, and whatever text is between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.names.append(tag)
        self.texts += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.texts.append(data)


def _refused(why: str) -> str:
    around = {"title": why, "view": "refused", "live": "", "viewer": Viewer(), "is_locked": True}
    files = dict.fromkeys(("style", "script", "icon"), "/x")
    return render("refused", around | files | {"at": 0.0, "why": why, "status": 400})


def test_neither_markup_nor_control_characters_get_through() -> None:
    """In text and in attributes, without any template having to remember it."""
    page = _refused(HOSTILE)
    page.encode()  # no half of a character
    assert "alert(1)" in page
    elements = Elements(page)
    assert elements.names.count("script") == 1
    assert all(c.isprintable() or c == "\n" for text in elements.texts for c in text)
    assert "\\u202e" in page
    assert "{{ 7*7 }}" in page


@given(st.text())
def test_any_text_leaves_the_page_as_it_is(text: str) -> None:
    """The same elements, in the same order."""
    assert Elements(_refused(text)).names == Elements(_refused("")).names


def test_nothing_is_called_safe() -> None:
    """No template turns escaping off, and nothing runs inside a page: the CSP forbids it."""
    for file in TEMPLATES.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        for word in ("|safe", "| safe", "autoescape", "style=", "onclick", "javascript:", "http:"):
            assert word not in text, file.name


def test_values_as_people_read_them() -> None:
    """And those that are none, as they are."""
    assert clock(1_800_000_000) == "08:00:00"
    assert when(1_800_000_000) == "2027-01-15 08:00:00"
    assert (clock(float("nan")), clock(1e300), when(float("inf"))) == ("?", "?", "?")
    assert [taken_ms(text) for text in ("", "85", "12345", "soon", "9" * 99)] == [
        *("", "85 ms", "12.3 s", "soon", "9" * 99),
    ]
    assert cut("x" * 10, 3) == "xxx …"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_a_limit_has_words(reason: Reason) -> None:
    """A newer worker's are shown as they are."""
    assert because(str(reason)) != str(reason)
    assert because("newer") == "newer"
