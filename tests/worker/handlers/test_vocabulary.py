"""A closed list of tags, and the file it can come from."""

from pathlib import Path

import pytest

from shared.enums import FailureReason
from worker.errors import Reject
from worker.handlers.vocabulary import Vocabulary, in_force, only_these, read_vocabulary


@pytest.mark.parametrize(
    "said",
    [
        "Ice-Cream",
        "ICE CREAM",
        "#ice_cream.",
        "ice\u2011cream!",
        "\uff49\uff43\uff45 cream",
        "ice\ncream",
    ],
)
def test_spellings_of_a_tag(said: str) -> None:
    """Case, width, hyphens, a hash and closing punctuation do not count."""
    assert Vocabulary(["Ice cream"]).hold([said]) == ["Ice cream"]


@pytest.mark.parametrize("said", ["ice creams", "ice", "icecream", "\u0456ce cream", ""])
def test_other_words_are_other_tags(said: str) -> None:
    """A plural, a part, a letter of another alphabet: to take it for the tag would be a guess."""
    assert Vocabulary(["ice cream"]).hold([said]) == []


def test_order_is_the_models_and_each_is_once() -> None:
    """The most telling tag comes first, and twice said is once meant."""
    assert Vocabulary(["a1", "b1", "c1"]).hold(["C1", "a1", "c1"]) == ["c1", "a1"]


def test_list_reads_the_same_in_whatever_order_it_came() -> None:
    """The prompt's beginning is what the server caches."""
    assert Vocabulary(["sea", "Boat", "boat"]).lines == Vocabulary(["Boat", "sea"]).lines
    assert only_these("sea") == only_these("sea")
    assert only_these("") == ""


def test_payloads_list_comes_before_the_workers() -> None:
    """Without either, every tag may be given."""
    own, usual = in_force(("sea",), ("boat",)), in_force(None, ("boat",))
    assert own is not None
    assert usual is not None
    assert (own.lines, usual.lines) == ("sea", "boat")
    assert in_force(None, None) is None


def test_list_without_a_tag_is_refused() -> None:
    """No answer could fit it."""
    with pytest.raises(Reject) as caught:
        in_force(("#", "..."), None)
    assert caught.value.reason is FailureReason.INVALID_PAYLOAD


def test_file(tmp_path: Path) -> None:
    """A tag a line; comments, empty lines, a byte order mark and repetitions are none."""
    file = tmp_path / "tags.txt"
    file.write_bytes("\ufeff# ours\nSea\n\n  Ice cream \nsea\nc#\n".encode())
    assert read_vocabulary(file) == ("Sea", "Ice cream", "c#")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "0 tags"),
        (b"# only this\n", "0 tags"),
        (b"\xff\xfe", "UTF-8"),
        (b"sea\n" + b"x" * 61, "line 2"),
        (b"sea\n...", "line 2"),
        (b"\n".join(b"t%d" % number for number in range(501)), "501 tags"),
        (b"x\n" * 40_000, "bytes"),
    ],
)
def test_unusable_file(content: bytes, why: str, tmp_path: Path) -> None:
    """Said in a sentence with the file's name, at start."""
    file = tmp_path / "tags.txt"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=why) as caught:
        read_vocabulary(file)
    assert str(file) in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    """No other exception than for every unusable file."""
    with pytest.raises(ValueError, match="cannot be read"):
        read_vocabulary(tmp_path / "none.txt")
