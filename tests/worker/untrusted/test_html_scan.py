"""HTML cut into texts and tags."""

from hypothesis import given
from hypothesis import strategies as st

from worker.untrusted.html_scan import Tag, scan, unescaped


def test_texts_and_tags_in_order() -> None:
    """Names in lower case, the rest as it stands."""
    assert list(scan("a<P Class=x>b</p >c")) == [
        "a",
        Tag("p", closes=False, rest=" Class=x"),
        "b",
        Tag("p", closes=True, rest=" "),
        "c",
    ]


def test_attributes() -> None:
    """Quoted or not, with a value or without; the first of a name counts."""
    (tag,) = scan('<a HREF="x&amp;y" b=\'c "d"\' e=f hidden e=g / i = j>')
    assert isinstance(tag, Tag)
    assert tag.attributes() == {
        "href": "x&y",
        "b": 'c "d"',
        "e": "f",
        "hidden": "",
        "i": "j",
    }


def test_scripts_are_no_text() -> None:
    """Tags inside are none, and one that never ends has no end."""
    inside = [piece for piece in scan("<script>'<b>'</SCRIPT>x<style>y") if isinstance(piece, str)]
    assert inside == ["x"]


def test_references() -> None:
    """Those that are too long to be any stay text, whatever their number."""
    assert unescaped("&lt;&#60;&#x3c;&nbsp") == "<<<\N{NO-BREAK SPACE}"
    for endless in ("&#" + "1" * 5_000 + ";", "&#x" + "f" * 5_000, "&" + "a" * 5_000):
        assert unescaped(endless) == endless


@given(st.text(alphabet="<>/!-=\"' ab&#;", max_size=60))
def test_text_without_tags_comes_back_whole(text: str) -> None:
    """Nothing is lost but tags, comments and declarations."""
    if "<" not in text:
        assert "".join(str(piece) for piece in scan(text)) == unescaped(text)
    assert all(isinstance(piece, str | Tag) for piece in scan(text))
