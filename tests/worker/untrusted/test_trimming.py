"""Long texts, shortened or in parts: small enough, and nothing lost without a word."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.llm.tokens import estimate_tokens
from worker.untrusted.trimming import LEAST_ROOM, in_parts, left_out, middle_out, shared_out

PARAGRAPHS = "\n\n".join(
    f"Paragraph {number} is about the boat. It was seen near the pier." for number in range(200)
)
MARKER = re.compile(r"\[… ([\d,]+) characters left out …\]")
WORDS = st.text(alphabet="abc ABC 123 .\n äß 日本 🎉", max_size=400)


def test_short_text_is_left_alone() -> None:
    """What fits is not touched."""
    assert middle_out("as it is", 100) == "as it is"
    assert in_parts("as it is", 100, 8).pieces == ["as it is"]
    assert not in_parts("as it is", 100, 8).cut


def test_beginning_and_end_stay() -> None:
    """Whole sentences of both, the beginning longer, and a line that says how much is missing."""
    short = middle_out(PARAGRAPHS, 600)
    head, tail = MARKER.split(short)[0], MARKER.split(short)[2]
    assert PARAGRAPHS.startswith(head.strip())
    assert PARAGRAPHS.endswith(tail.strip())
    assert len(head) > len(tail) > 200
    assert head.endswith("pier.\n")
    assert tail.startswith("\nParagraph")


def test_line_tells_how_much_is_missing() -> None:
    """All characters are there, or counted."""
    short = middle_out("x" * 5_000, 500)
    (missing,) = MARKER.findall(short)
    assert short.count("x") + int(missing.replace(",", "")) == 5_000
    assert left_out(1_234) == "[… 1,234 characters left out …]"


@given(WORDS, st.integers(40, 200))
def test_shortened_text_fits(text: str, room: int) -> None:
    """By the estimate it was cut by, the line included."""
    assert estimate_tokens(middle_out(text * 3, room)) <= room


@given(WORDS, st.integers(LEAST_ROOM, 200))
def test_parts_fit_and_hold_everything(text: str, room: int) -> None:
    """Every word stands in a part, in order; no part is too long, and there are not too many."""
    parts = in_parts(text, room, 8)
    assert len(parts.pieces) <= 8
    assert all(estimate_tokens(piece) <= room for piece in parts.pieces)
    if not parts.cut:
        at = 0
        for piece in parts.pieces:
            found = text.find(piece, max(0, at - len(piece)))
            assert not text[at:found].strip()
            at = found + len(piece)
        assert not text[at:].strip()


def test_parts_end_with_paragraphs_and_overlap() -> None:
    """What is said across the end of a part stands whole in the next."""
    parts = in_parts(PARAGRAPHS, 1_000, 8)
    assert not parts.cut
    assert len(parts.pieces) > 2
    for piece, following in zip(parts.pieces, parts.pieces[1:], strict=False):
        assert piece.endswith("pier.")
        assert following.startswith("Paragraph")
        assert following.split("\n\n")[0] in piece


def test_more_than_all_parts_is_shortened_first() -> None:
    """Both ends are read, and the result can say that the middle was not."""
    parts = in_parts(PARAGRAPHS, 200, 4)
    assert parts.cut
    assert len(parts.pieces) <= 4
    assert parts.pieces[0].startswith("Paragraph 0 ")
    assert parts.pieces[-1].endswith("pier.")
    assert any(MARKER.search(piece) for piece in parts.pieces)


def test_line_without_end_is_cut_all_the_same() -> None:
    """There need not be a good place."""
    parts = in_parts("x" * 10_000, 600, 8)
    assert not parts.cut
    assert sum(map(len, parts.pieces)) >= 10_000


def test_long_ones_give_way_to_short_ones() -> None:
    """A short message stays whole beside an endless context, and room it leaves is used."""
    context, message = shared_out([PARAGRAPHS, "Met Anna."], 500)
    assert message == "Met Anna."
    assert 300 < estimate_tokens(context) <= 500 - estimate_tokens(message)
    both = shared_out([PARAGRAPHS, PARAGRAPHS], 500)
    assert both[0] == both[1]
    assert sum(map(estimate_tokens, both)) <= 500


@pytest.mark.parametrize("room", [0, 1, 5])
def test_no_room_at_all(room: int) -> None:
    """Whatever the caller worked out, this ends."""
    assert shared_out([PARAGRAPHS, ""], room)[1] == ""
    assert len(in_parts("word " * 5_000, room, 3).pieces) <= 3
