"""The token estimate: rather above than below, for every kind of text that comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.llm.chat import PreparedImage
from worker.llm.tokens import CHARS_PER_TOKEN_MAX, estimate_tokens, picture_tokens

# Counted with a tokenizer of 32,000 pieces and one of 130,000; the higher number of both.
ENGLISH = (
    "Hi all, just a reminder that our quarterly planning meeting has been moved to Thursday, 14 "
    "May at 3:30 pm. Please bring the numbers for your own team and tell me if you cannot make it."
)
GERMAN = (
    "Sehr geehrte Damen und Herren, hiermit erinnere ich an die Zahnarztbehandlung am Donnerstag, "
    "den 14. Mai um 15:30 Uhr. Die Versicherungskarte bitte mitbringen, für Rückfragen erreichen "
    "Sie mich jederzeit."
)
GREEK = "Καλημέρα σε όλους, σας θυμίζω ότι η συνάντηση μεταφέρθηκε στην Πέμπτη"
CHINESE = "大家好提醒一下我们的季度计划会议已改到五月十四日星期四下午三点半"
NUMBERS = (
    "Invoice 2026-05-14 no. 4711-0815: 1,234.50 EUR + 19% VAT 234.56 = 1,469.06; IBAN DE02 1203"
)
ADDRESS = "https://www.example.org/reset?token=Zx81kQpLm3vT7&user=19283&utm_source=mail#top"
EMOJI = "🎉🎂 party 🥳🥳 👨\u200d👩\u200d👧 see you ❤️ there 🚀🚀🚀 ✅"
COUNTED = [
    (ENGLISH, 47),
    (GERMAN, 75),
    (GREEK, 70),
    (CHINESE, 33),
    (NUMBERS, 73),
    (ADDRESS, 42),
    (EMOJI, 51),
]


@pytest.mark.parametrize(("text", "counted"), COUNTED)
def test_estimate_is_above_the_count(text: str, counted: int) -> None:
    """Never under for usual text, and not so far above that half the model is left empty."""
    assert counted <= estimate_tokens(text) <= 2 * counted


def test_nothing_takes_nothing() -> None:
    """An empty text costs no token."""
    assert estimate_tokens("") == 0


@given(st.text(), st.text())
def test_longer_takes_more_but_not_more_than_both(one: str, other: str) -> None:
    """What is cut from a text makes room, and pieces that fit apart fit together."""
    both = estimate_tokens(one + other)
    assert max(estimate_tokens(one), estimate_tokens(other)) <= both
    assert both <= estimate_tokens(one) + estimate_tokens(other)
    assert estimate_tokens((one + other)[::-1]) == both


@given(st.text(min_size=1))
def test_least_estimate(text: str) -> None:
    """The bound that the search for a fitting piece relies on."""
    assert estimate_tokens(text) >= len(text) / CHARS_PER_TOKEN_MAX


def test_half_a_pair_is_counted() -> None:
    """Whatever a string can hold can be estimated."""
    assert estimate_tokens("\ud83d" * 10) >= 10


def test_picture_by_its_size() -> None:
    """A megapixel is about 1,300 tokens; the smallest picture has its frame."""
    assert 1_200 < picture_tokens(PreparedImage(b"", "image/jpeg", 1_000, 1_000)) < 1_500
    assert picture_tokens(PreparedImage(b"", "image/jpeg", 1, 1)) > 0
