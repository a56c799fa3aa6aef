"""HTML cut into text and tags, in time linear in it whatever it holds.

The standard library's parser needs minutes for some texts of 200,000 characters (`<a <a <a …`) and
stumbles over a reference of 5,000 digits. Here each search either moves on or is the last of its
kind. It is no parser of all of HTML: what cannot be read as a tag is text.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]*+(?:[:-][a-zA-Z0-9]++)*+(?=[\s/>])")
_QUOTES_CLOSED = re.compile(r"""(?:[^"']++|"[^"]*+"|'[^']*+')*+""")
_ATTRIBUTE = re.compile(
    r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>]++)))?+"""
)
_REFERENCE = re.compile(
    r"&(?:#\d{1,7}+(?!\d)|#[xX][0-9a-fA-F]{1,6}+(?![0-9a-fA-F])|[a-zA-Z][a-zA-Z0-9]{1,31});?"
)
_VERBATIM = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")
}
_QUOTED_BRACKETS = 8
"""So many `>` may stand inside the quotes of one tag."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: its name in lower case, and what stands behind the name."""

    name: str
    closes: bool
    rest: str

    def attributes(self) -> dict[str, str]:
        """The attributes by their names in lower case; the first of a name counts."""
        found: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(self.rest):
            value = match[2] or match[3] or match[4] or ""
            found.setdefault(match[1].lower(), unescaped(value))
        return found


def scan(text: str) -> Iterator[str | Tag]:
    """Texts, with the references in them resolved, and tags, in order; no comments, no scripts."""
    at, last = 0, text.rfind(">")
    while at <= last:
        bracket = text.find("<", at)
        if bracket < 0 or bracket > last:
            break
        if bracket > at:
            yield unescaped(text[at:bracket])
        if text.startswith(("<!", "<?"), bracket):
            at = _after_aside(text, bracket)
            continue
        tag, at = _tag(text, bracket)
        yield tag
        if isinstance(tag, Tag) and tag.name in _VERBATIM and not tag.closes:
            end = _VERBATIM[tag.name].search(text, at)
            at = end.start() if end else len(text)
    # A comment that is never closed hides what follows.
    comment = text.find("<!--", at)
    rest = text[at:comment] if comment >= 0 else text[at:]
    if rest:
        yield unescaped(rest)


def unescaped(text: str) -> str:
    """The text with its references (`&amp;`, `&#8203;`) resolved."""
    return _REFERENCE.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def _after_aside(text: str, start: int) -> int:
    """Where a comment, a declaration or an instruction ends; there is a `>` behind `start`."""
    if not text.startswith("<!--", start):
        return text.find(">", start) + 1
    end = text.find("-->", start + 2)  # `<!-->` is a whole one
    return len(text) if end < 0 else end + 3


def _tag(text: str, start: int) -> tuple[Tag | str, int]:
    """The tag that begins at `start`, or the bracket itself; there is a `>` behind it."""
    closes = text.startswith("</", start)
    name = _NAME.match(text, start + 2 if closes else start + 1)
    if name is None:
        return "<", start + 1
    end = _end(text, name.end())
    return Tag(name[0].lower(), closes, text[name.end() : end]), end + 1


def _end(text: str, start: int) -> int:
    """The first `>` outside of quotes; the very first if there is none near."""
    first = end = text.find(">", start)
    for _ in range(_QUOTED_BRACKETS):
        if end < 0:
            break
        if _QUOTES_CLOSED.fullmatch(text, start, end):
            return end
        end = text.find(">", end + 1)
    return first
