"""What the inline style of an element hides from people, and what colours it has.

Only the element's own words count: style sheets are not read, so a class can hide what this finds
visible. Then a model sees more than a person, never less.
"""

import re
from collections.abc import Mapping

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
_STYLE_CHARS = 4_000
_ALIKE = 24
"""Two colours whose channels are no further apart than this cannot be told from each other."""
_NAMED: Mapping[str, Colour] = {
    "white": WHITE,
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "ghostwhite": (248, 248, 255),
    "floralwhite": (255, 250, 240),
    "whitesmoke": (245, 245, 245),
    "black": BLACK,
    "silver": (192, 192, 192),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "navy": (0, 0, 128),
    "yellow": (255, 255, 0),
}
_SIZE = re.compile(r"(-?\d{0,6}(?:\.\d{0,6})?)\s*(px|pt|em|rem|ex|%|vw|vh)?")
_CHANNELS = re.compile(
    r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*([\d.]{1,6}))?"
)
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})")
_SEEN_FROM = {"em": 0.15, "rem": 0.15, "ex": 0.3, "%": 15.0, "vw": 0.15, "vh": 0.15}
_FAR_OFF = -300.0


def declarations(style: str) -> dict[str, str]:
    """The properties of a `style` attribute, in lower case; the last of a name counts."""
    found: dict[str, str] = {}
    for part in style[:_STYLE_CHARS].lower().split(";"):
        name, _, value = part.partition(":")
        found[name.strip()] = value.replace("!important", "").strip()
    return found


def is_hidden(style: Mapping[str, str]) -> bool:
    """Whether nobody would see an element of this style."""
    cut = "hidden" in style.get("overflow", "") and any(
        _size(style.get(name)) == 0 for name in ("height", "max-height", "width", "max-width")
    )
    return (
        style.get("display") == "none"
        or style.get("visibility") in {"hidden", "collapse"}
        or style.get("mso-hide") == "all"
        or _size(style.get("opacity"), 1.0) < 0.05
        or _too_small(style.get("font-size"))
        or any(_size(style.get(name)) < _FAR_OFF for name in ("text-indent", "left", "top"))
        or cut
    )


def colour(text: str) -> Colour | None:
    """The colour of a property; None when it cannot be told, such as of a picture."""
    said = text.strip().lower()
    named, hexed, mixed = _NAMED.get(said), _HEX.fullmatch(said), _CHANNELS.match(said)
    if hexed:
        digits = hexed[1] if len(hexed[1]) == 6 else "".join(digit * 2 for digit in hexed[1])
        return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))
    return (int(mixed[1]), int(mixed[2]), int(mixed[3])) if mixed else named


def is_see_through(text: str) -> bool:
    """Whether a colour is none at all."""
    mixed = _CHANNELS.match(text)
    return text == "transparent" or (mixed is not None and _size(mixed[4], 1.0) < 0.05)


def alike(one: Colour | None, other: Colour | None) -> bool:
    """Whether text of one colour is invisible on the other; not if one of them is unknown."""
    if one is None or other is None:
        return False
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= _ALIKE


def _size(text: str | None, default: float = 1.0) -> float:
    found = _SIZE.fullmatch(text or "")
    try:
        return float(found[1]) if found else default
    except ValueError:
        return default


def _too_small(text: str | None) -> bool:
    found = _SIZE.fullmatch(text or "")
    return found is not None and _size(text, 99.0) <= _SEEN_FROM.get(found[2] or "", 1.0)
