"""Markdown that a model wrote down from a stranger's page: kept as text, made to lead nowhere.

Whoever shows it shall fetch nothing and send nobody anywhere: pictures are left out, links are
their words, and HTML is shown instead of being HTML.
"""

import re

from worker.untrusted.framing import visible

_TARGET = r"(?:\((?:[^()\n]|\([^()\n]*\))*\)|\[[^\[\]\n]*\])"
_PICTURE = re.compile(rf"!\[[^\[\]]*\]{_TARGET}")
_LINK = re.compile(rf"\[([^\[\]]*)\]{_TARGET}")
_AUTOLINK = re.compile(r"<((?:[a-z][a-z0-9+.-]{1,31}:|[^\s<>@]{1,64}@)[^\s<>]*)>", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG_OPENING = re.compile(r"<(?=[a-z/!?])", re.IGNORECASE)
# What makes brackets a link, wherever it stands: `[x](y)`, `[x][y]`, and `[y]: target` elsewhere.
_LINK_JOINT = re.compile(r"\](?=[(\[:])")
_PASSES = 3
"""A picture may stand in a link, which may stand in brackets; what is deeper stays as text."""


def leading_nowhere(markdown: str) -> str:
    """The same Markdown without pictures, links, HTML and characters that nobody sees."""
    text = visible(markdown)
    text = _AUTOLINK.sub(r"\1", _LINE_BREAK.sub(" ", text))
    for _ in range(_PASSES):
        text = _LINK.sub(r"\1", _PICTURE.sub("", text))
    return _TAG_OPENING.sub("< ", _LINK_JOINT.sub("] ", text)).strip()
