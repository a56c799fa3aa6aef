"""Whatever a page says, its Markdown fetches nothing and leads nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from worker.untrusted.markdown import leading_nowhere

LEADING = {"link_open", "image", "html_inline", "html_block"}
READER = MarkdownIt("commonmark")
SIGNS = r"""[ ] ( ) ! < > : \ ` " / a ]( ][ ]: ![ <br> <!-- --> https://x.y b@c.d <a\thref='"""
PIECES = st.sampled_from([*SIGNS.split(" "), " ", "\n", "> ", "- ", "]: ", "[a]: /u\n"])


def leads_somewhere(markdown: str) -> list[str]:
    """What a CommonMark reader finds in a text that is not text."""
    blocks = READER.parse(markdown)
    inline = [token for block in blocks for token in block.children or []]
    return [token.type for token in [*blocks, *inline] if token.type in LEADING]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("# Title\n\n- one\n- two", "# Title\n\n- one\n- two"),
        ("| a | b |\n| - | - |\n| 1<br/>2 | 3 |", "| a | b |\n| - | - |\n| 1 2 | 3 |"),
        ("see [our shop](https://evil.example/?q=1) now", "see our shop now"),
        ("[a](https://x.y/b_(c)) d", "a d"),
        ("before ![logo](https://evil.example/p.png) after", "before  after"),
        ("[![logo](p.png)](https://evil.example)", ""),
        ("[[1](x)](y)", "1"),
        ("[words][ref]\n\n[ref]: https://evil.example", "words\n\n[ref] : https://evil.example"),
        ("<https://evil.example> <me@x.y>", "https://evil.example me@x.y"),
        ("<script>x</script> 1 < 2", "< script>x< /script> 1 < 2"),
        ("a\u200bb\u202ec\x1b[31m", "abc[31m"),
        ("see [1] and [2]", "see [1] and [2]"),
        ("- [x] done", "- [x] done"),
        ("  \n\n ", ""),
    ],
)
def test_keeps_the_words(said: str, kept: str) -> None:
    """Text, lists and tables stay; pictures go, links become their words, HTML is shown."""
    assert leading_nowhere(said) == kept
    assert leads_somewhere(kept) == []


@given(st.lists(PIECES, max_size=40).map("".join))
def test_leads_nowhere(markdown: str) -> None:
    """However brackets are heaped up, a CommonMark reader finds no link, picture or HTML."""
    assert leads_somewhere(leading_nowhere(markdown)) == []


@pytest.mark.parametrize(
    "piece", ["[", "![", "[a](", "[a](b", "<", "<a:", "[](", "]", "![a][", "(("]
)
def test_long_and_crooked(piece: str) -> None:
    """Twenty thousand characters that never come to a point are read all the same."""
    assert len(leading_nowhere(piece * (20_000 // len(piece)))) <= 40_000
