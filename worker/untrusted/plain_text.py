"""Free text of a model on its way out: one line of words, with nothing in it to click or render.

A text that took the model over would have it write a link or a picture that carries what it has
read to somebody's server, as soon as a client shows it.
"""

import re

from worker.untrusted.framing import one_line
from worker.untrusted.html_scan import unescaped

_ADDRESS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\b(?:mailto|javascript|data|tel|sms):(?=\S)"
    r"|(?<!\w)//(?=\w)|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}(?::\d{1,5})?[/?](?=\S))[^\s<>()\[\]{}\"']*",
    re.IGNORECASE,
)
_SIGNS_OF_ONE = frozenset(":/.")
"""Every address has one of them, and hardly a tag has."""
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\((?:[^()]++|\([^()]*+\))*+\)|\[[^\[\]]*\]|:)")
_TAG = re.compile(r"<[/!?a-z][^<>]*>?", re.IGNORECASE)
_MARKS = re.compile(r"\]\(|!\[|`+|\*\*+|__+|~~+|^(?:[#>|]+|[*+-]) +")
_EMPTIED = re.compile(r"!?\[\s*\]|\(\s*\)|<\s*>")


def plain(text: str) -> str:
    """One line without addresses, tags, Markdown links and pictures; link texts stay.

    What is left when one piece is cut out may be another: it goes on until nothing changes. Meant
    for short texts, a few thousand characters.
    """
    said = one_line(unescaped(text))
    if said.isascii() and said.replace(" ", "").isalnum():
        return said  # nothing but words
    while (less := _once(said)) != said:
        said = less
    return said


def has_address(text: str) -> bool:
    """Whether there is something to click in a text."""
    return not _SIGNS_OF_ONE.isdisjoint(text) and _ADDRESS.search(text) is not None


def _once(text: str) -> str:
    # Pictures and links first: inside them an address ends at the bracket.
    text = _LINK.sub(r"\1", text)
    for pattern in (_TAG, _ADDRESS, _MARKS, _EMPTIED):
        text = pattern.sub(" ", text)
    text = re.sub(r" +([.,;:!?])", r"\1", one_line(text))
    return text.strip()
