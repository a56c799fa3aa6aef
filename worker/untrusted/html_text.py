"""The words of an HTML text that a person would see, as plain text.

What is written for machines only is where texts hide their orders to models: comments, scripts,
`display:none`, white on white, letters of no size. It is left out; where lines end, they end.
"""

import re
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from worker.untrusted.css_hiding import (
    BLACK,
    WHITE,
    Colour,
    alike,
    colour,
    declarations,
    is_hidden,
    is_see_through,
)
from worker.untrusted.html_scan import Tag, scan

Links = Literal["text", "host", "whole"]
"""What is left of a link: its text; with the host it leads to; or with its whole address."""

# Something that only HTML has. Addresses in angle brackets and "a < b" are not enough.
_HTML = re.compile(
    r"<!--|<!doctype\s++html|<(?:br|hr)\s*+/?>|<(?:p|div|span|table|tr|td)>|<(?:img|meta|html|body)[\s/>]"
    r"|</(?:html|head|body|title|style|script|div|p|span|table|tr|td|th|ul|ol|li|h[1-6]|pre|code"
    r"|a|b|i|u|s|em|strong|small|font|center|blockquote|section|article|template|noscript)\s*+>"
    r"|<[a-z][a-z0-9]*+\s[^<>]*?(?:\bstyle\s*+=|\bhidden\b)",
    re.IGNORECASE,
)
_NEVER_SHOWN = frozenset({"head", "script", "style", "template", "datalist"})
_EMPTY = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "figure"}
    | {"footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav"}
    | {"ol", "p", "pre", "section", "table", "tr", "ul", "br", "title"}
)
_CELLS = frozenset({"td", "th"})
# Elements that need no closing tag: what opens closes them, if they are the innermost.
_CLOSED_BY = {
    "p": _BLOCKS - {"br"},
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "td": {"td", "th", "tr"},
    "th": {"td", "th", "tr"},
    "tr": {"tr"},
    "option": {"option"},
}
_BLANKS = re.compile(r"[^\S\n]+")
_GAPS = re.compile(r"\s*\n\s*\n\s*")


def is_html(text: str) -> bool:
    """Whether a text is HTML, or has parts of it in it."""
    return _HTML.search(text) is not None


def readable(text: str, links: Links = "text") -> str:
    """What a person would read of a text; one without HTML in it comes back as it is.

    Args:
        text: anything at all.
        links: what is left of links.
    """
    if not is_html(text):
        return text
    reader = _Reader(links)
    for piece in scan(text):
        if isinstance(piece, str):
            reader.text(piece)
        elif piece.closes:
            reader.close(piece.name)
        else:
            reader.open(piece)
    return reader.read()


class _Element(NamedTuple):
    """One that is open: what its text looks like."""

    name: str
    hidden: bool = False
    ink: Colour | None = BLACK
    paper: Colour | None = WHITE
    href: str = ""


class _Reader:
    """Collects what is seen."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._pieces: list[str] = []
        self._open = [_Element("")]
        self._count: dict[str, int] = {}

    def text(self, piece: str) -> None:
        """Take a text, unless it is hidden."""
        inside = self._open[-1]
        if not inside.hidden and not alike(inside.ink, inside.paper):
            self._pieces.append(piece)

    def open(self, tag: Tag) -> None:
        """Go into an element."""
        while tag.name in _CLOSED_BY.get(self._open[-1].name, ()):
            self._leave()
        self._break(tag.name)
        if tag.name not in _EMPTY:
            self._open.append(_styled(tag, self._open[-1]))
            self._count[tag.name] = self._count.get(tag.name, 0) + 1
        if tag.name == "li":
            self.text("- ")

    def close(self, name: str) -> None:
        """Leave an element, and what was left open in it; what is not open is not closed."""
        if self._count.get(name):
            while self._leave() != name:
                pass
        self._break(name)

    def read(self) -> str:
        """All that was seen, with single spaces and single empty lines."""
        lines = [line.strip() for line in _BLANKS.sub(" ", "".join(self._pieces)).splitlines()]
        return _GAPS.sub("\n\n", "\n".join(lines)).strip()

    def _leave(self) -> str:
        left = self._open.pop()
        self._count[left.name] -= 1
        if left.name == "a" and left.href and not left.hidden and self._links != "text":
            self._pieces.append(f" ({left.href if self._links == 'whole' else _host(left.href)})")
        return left.name

    def _break(self, name: str) -> None:
        if name in _BLOCKS:
            self._pieces.append("\n")
        elif name in _CELLS:
            self._pieces.append(" ")


def _styled(tag: Tag, around: _Element) -> _Element:
    """The element of a tag; it has from those around it what it does not say itself."""
    if not tag.rest:
        hidden = around.hidden or tag.name in _NEVER_SHOWN
        return _Element(tag.name, hidden, around.ink, around.paper)
    said = tag.attributes()
    style = declarations(said.get("style", ""))
    ink, paper = style.get("color") or said.get("color"), _paper(style, said)
    hidden = (
        around.hidden
        or tag.name in _NEVER_SHOWN
        or "hidden" in said
        or is_hidden(style)
        or is_see_through(ink or "")
    )
    href = said.get("href", "").strip() if tag.name == "a" else ""
    return _Element(
        tag.name,
        hidden,
        colour(ink) if ink else around.ink,
        colour(paper) if paper else around.paper,
        href if _host(href) else "",
    )


def _paper(style: dict[str, str], said: dict[str, str]) -> str | None:
    found = style.get("background-color") or style.get("background") or said.get("bgcolor")
    return None if found in {"transparent", "none", "inherit", "initial"} else found


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "") if "//" in address else ""
    except ValueError:
        return ""
