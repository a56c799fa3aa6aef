"""HTML as a person would read it: nothing that is hidden, nothing visible lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.untrusted.html_text import is_html, readable


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        ("<p>One</p><p>Two<br>three</p>", "One\n\nTwo\nthree"),
        ("<p>a<p>b<ul><li>c<li>d</ul>", "a\nb\n\n- c\n- d"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        (
            "<B>Fish &amp; chips</B>&nbsp;&#8364;5 &unknown; &#99999999;",
            "Fish & chips €5 &unknown; &#99999999;",
        ),
        ("<html><head><title>t</title><style>p{}</style></head><body>b</body></html>", "b"),
        ("<script>if (a < b) c</script>d", "d"),
        ("a<!-- b --><!-->c<!---->d<!doctype html>", "acd"),
        ("a<br>b<!-- never closed", "a\nb"),
        ("<a href='https://a.example/x?y=1'>click</a>", "click"),
        ("<p title='a > b'>c</p>", "c"),
        (
            "<p>1 < 2, <ann@a.example> and <https://a.example></p>",
            "1 < 2, <ann@a.example> and <https://a.example>",
        ),
        ("<p>open <b", "open <b"),
        ("</p></div>x", "x"),
        ("<div><b>x</div>y</b>z", "x\nyz"),
    ],
)
def test_words_and_lines(html: str, seen: str) -> None:
    """Blocks are lines, references are characters, what is no tag is text."""
    assert readable(html) == seen


@pytest.mark.parametrize(
    "hidden",
    [
        "<span style='display:none'>x</span>",
        "<span style='DISPLAY : none !important; color:red'>x</span>",
        '<div style="visibility: hidden"><p>x</p><p>x</p></div>',
        "<p hidden>x</p>",
        "<p hidden=until-found>x</p>",
        "<i style='font-size:0'>x</i>",
        "<i style='font-size:1px'>x</i>",
        "<i style='font-size:.05em'>x</i>",
        "<i style='opacity:0.0'>x</i>",
        "<i style='color:#fff'>x</i>",
        "<i style='color:rgb(254, 255, 255)'>x</i>",
        "<font color=white>x</font>",
        "<i style='color:transparent'>x</i>",
        "<i style='color:rgba(0,0,0,0)'>x</i>",
        "<div style='background:#036'><i style='color:#003366'>x</i></div>",
        "<table bgcolor='#000000'><tr><td>x</table>",
        "<i style='position:absolute;left:-9999px'>x</i>",
        "<i style='text-indent:-1000em'>x</i>",
        "<div style='max-height:0;overflow:hidden'>x</div>",
        "<div style='mso-hide:all'>x</div>",
        "<template>x</template>",
        "<p style='display:none'>x<p>",
    ],
)
def test_hidden_text(hidden: str) -> None:
    """What nobody sees the model does not see either; what follows is there again."""
    assert readable(f"<b>a</b> {hidden}<b>b</b>").split() == ["a", "b"]


@pytest.mark.parametrize(
    "shown",
    [
        "<div style='background:#036'><i style='color:#fff'>x</i></div>",
        "<td bgcolor=navy><font color=white>x</font></td>",
        "<div style='background:url(a.png)'><i style='color:#fff'>x</i></div>",
        "<i style='font-size:9px;color:gray'>x</i>",
        "<i style='color:inherit;background:none'>x</i>",
        "<i style='left:10px;opacity:1;width:0'>x</i>",
        "<i class='hidden'>x</i>",
        "<i style='font-size:;color:#ggg;:;'>x</i>",
        "<noscript>x</noscript>",
    ],
)
def test_visible_text(shown: str) -> None:
    """White on blue can be read, and what cannot be told is taken for visible."""
    assert readable(f"<b>a</b> {shown} b").split() == ["a", "x", "b"]


def test_links() -> None:
    """Their text; for an email with the host they lead to; for an extraction with all of it."""
    html = "<a href='https://Shop.example/x?y=1&amp;z'>here</a> <a href='#top'>up</a> <a>no</a>"
    assert readable(html) == "here up no"
    assert readable(html, "host") == "here (shop.example) up no"
    assert readable(html, "whole") == "here (https://Shop.example/x?y=1&z) up no"
    assert readable("<a href='https://[::1'>odd</a>", "host") == "odd"


@pytest.mark.parametrize(
    "plain",
    ["a < b > c", "<ann@a.example> wrote:", "x <- y -> z", "<T> and <Foo bar>", "1 &amp; 2"],
)
def test_plain_text_is_left_alone(plain: str) -> None:
    """Angle brackets do not make HTML."""
    assert not is_html(plain)
    assert readable(plain) is plain


@given(st.text(alphabet="<>/!-=\"' apbr&#;x\n", max_size=80))
def test_anything_is_read(text: str) -> None:
    """No text is so broken that reading it fails, or adds words."""
    seen = readable(f"<br>{text}")
    assert set(seen) <= set(text) | set("\n- \N{NO-BREAK SPACE}") or "&" in text


@pytest.mark.parametrize(
    "unit",
    [
        "<!--",
        "<a ",
        "</a",
        "<a x='",
        "<a x=\"'",
        '<a "> ',
        "<!D",
        "<?",
        "<",
        "<script>",
        "&#x",
        "<p>",
        "&#1111111",
        "<a =",
        "<a/",
        "<div>",
        "</div>",
        "<div><p></b>",
        "<b style='",
        "<b sty",
        "\n \n",
    ],
)
def test_reading_takes_linear_time(unit: str) -> None:
    """A payload of half-tags does not stall the worker (the test's own limit stops it)."""
    for before, after in (("", ""), ("<br>", "\n\"'>--><!---->")):
        readable(before + unit * (100_000 // len(unit)) + after)
