"""How a handler shows a model text that nobody vouches for.

Whoever wrote an email may have written it for the model that reads it. No wording makes that
harmless; typed answers and handlers without side effects do. This only lowers the odds: the text
stands between marker lines with a random code, so it cannot close its own frame, and what a person
would not see is gone.
"""

import re
import secrets
from hashlib import blake2b
from typing import Literal

from worker.llm.aside import aside
from worker.untrusted.html_text import Links, readable

INLINE_CHARS = 8_192
"""Up to here a text is read on the event loop, in a few milliseconds."""
Label = Literal["DATA", "CALLER"]

# Control characters, soft hyphens, zero-width and bidirectional marks, variation selectors, the
# invisible tag alphabet, stray surrogates. Tabs and line ends stay.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
_INVISIBLE_ASCII = {code: None for code in range(0x80) if _INVISIBLE.fullmatch(chr(code))}
_PLAIN_ASCII = bytes([*range(0x20, 0x7F), *b"\t\n"])
# What chat templates set turns apart with. Most servers read it as that in a user's text too: an
# email could end its own turn and begin the system's.
_TURNS = re.compile(
    r"<\|[^|<>\n]{1,40}\|>|</?s>|<</?SYS>>|\[/?INST\]|</?(?:start|end)_of_turn>"
    r"|<\uff5c[^<>\n]{1,40}\uff5c>",
    re.IGNORECASE,
)
_OPENING = re.compile(r"<<<(?=\s*(?:DATA|CALLER))", re.IGNORECASE)
_CLOSING = re.compile(r"((?:DATA|CALLER)\s+\w+\s*)(>{3,})", re.IGNORECASE)
_SECRET = secrets.token_bytes(16)
# Digits and letters are not the same number of tokens: a frame should always take as many.
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijkmnpqr")


def marked(
    text: str, label: Label = "DATA", *, steady: bool = False, nonce: str | None = None
) -> str:
    """Frame a text for a prompt.

    Args:
        text: anything at all.
        label: `DATA` for what is only read; `CALLER` for wishes to follow within limits.
        steady: whether the same text gets the same code for as long as this process lives, which
            keeps the server's prefix cache warm; nobody else can work the code out.
        nonce: the code in the markers; made up anew unless a test needs to know it.
    """
    inside = visible(text)
    # Few texts have any of these signs, and to look for one takes a thousandth of a pattern's time.
    if "<<<" in inside:
        inside = _OPENING.sub("< < <", inside)
    if ">>>" in inside:
        inside = _CLOSING.sub(lambda forged: forged[1] + " ".join(forged[2]), inside)
    if "<" in inside or "[" in inside:
        inside = _TURNS.sub(lambda turn: f"{turn[0][0]} {turn[0][1:]}", inside)
    code = nonce or (_steady_code(inside) if steady else secrets.token_hex(4).translate(_LETTERS))
    return f"<<<{label} {code}\n{inside}\n{label} {code}>>>"


async def shown(text: str, links: Links = "text") -> str:
    """What a person would see of a text, HTML or not; long ones are read beside the event loop.

    Args:
        text: anything at all.
        links: what is left of links in HTML.
    """
    if len(text) <= INLINE_CHARS:
        return _as_seen(text, links)
    return await aside(_as_seen, text, links)


def visible(text: str) -> str:
    r"""The text without characters that cannot be seen, every line end a `\n`."""
    if text.isascii() and not text.encode().translate(None, _PLAIN_ASCII):
        return text.removesuffix("\n")
    # Line by line: most are ASCII in most texts, and of those characters are left out at a
    # fiftieth of the pattern's cost.
    return "\n".join(
        line.translate(_INVISIBLE_ASCII) if line.isascii() else _INVISIBLE.sub("", line)
        for line in text.splitlines()
    )


def one_line(text: str) -> str:
    """The visible text with every run of white space as one space, none at the ends."""
    return " ".join(visible(text).split())


def _as_seen(text: str, links: Links) -> str:
    # Once more at the end: references such as `&#8203;` have become characters.
    return visible(readable(visible(text), links))


def _steady_code(text: str) -> str:
    return blake2b(text.encode(), key=_SECRET, digest_size=4).hexdigest().translate(_LETTERS)
