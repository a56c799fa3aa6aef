"""Text brought to one spelling before its words are looked up."""

import unicodedata

_PLAIN = str.maketrans(
    "\u2010\u2011\u2012\u2013\u2014\u2212\u2018\u2019\u02bc\u00a0", "------''' ", "\u00ad\u200b"
)
_NOTHING = frozenset({"", "-", "null", "none", "n/a", "nil", "unknown"})


def fold(text: str, longest: int) -> str:
    """Lower case without accents, plain dashes and apostrophes, single spaces.

    Args:
        text: from anywhere; only its beginning is read.
        longest: characters that are read, and at most returned.
    """
    marked = unicodedata.normalize("NFKD", text[:longest].translate(_PLAIN).casefold())
    bare = "".join(char for char in marked if not unicodedata.combining(char))
    # Again: some compatibility forms are capitals or special spaces inside.
    return " ".join(bare.casefold().split())[:longest]


def is_blank(text: str | None) -> bool:
    """Whether a field says nothing, in one of the ways models say nothing."""
    return text is None or text[:16].strip().lower() in _NOTHING
