"""Words: what a text is about, and how much two texts share."""

from worker.embedded.model_words import key_words, overlap, sentences, stem, stems


def test_key_words_are_telling() -> None:
    """Stop words stay out, names come first, and everything is lower case."""
    found = key_words("Booked the ferry to Naxos for June", 7)
    assert found[0] == "naxos"
    assert set(found) == {"naxos", "june", "ferry", "booked"}


def test_german_stop_words_stay_out() -> None:
    """A German text gives its nouns."""
    assert set(key_words("Wir waren mit der Anna im Zoo", 7)) == {"anna", "zoo"}


def test_addresses_are_no_words() -> None:
    """An email address or a link says nothing about the topic."""
    assert key_words("bob@example.com https://example.com/path", 7) == []


def test_stem_joins_forms_of_a_word() -> None:
    """Booked and booking are the same word."""
    assert stem("Booked") == stem("booking") == stem("book")


def test_overlap_is_the_share_of_what_was_wanted() -> None:
    """Half of the wanted words found is one half; nothing wanted is nothing found."""
    assert overlap(stems("ferry Naxos"), stems("the ferry left")) == 0.5
    assert overlap(set(), stems("ferry")) == 0.0


def test_sentences_are_verbatim() -> None:
    """A day's dot ends no sentence, a wrapped line goes on, a list item starts anew."""
    text = "Zahnarzt am 12. Juni. Then we go\nhome now.\n- Milk\n- Bread"
    assert sentences(text) == [
        "Zahnarzt am 12. Juni.",
        "Then we go\nhome now.",
        "- Milk",
        "- Bread",
    ]
