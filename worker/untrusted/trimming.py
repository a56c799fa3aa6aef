"""Texts that are too long for the model: shortened in the middle, or cut into parts. Pure.

Sizes are tokens as `worker.llm.tokens` estimates them. Nothing is cut silently: a line says how
much is missing, for the model, and the values given here say it for the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.llm.tokens import CHARS_PER_TOKEN_MAX, estimate_tokens

HEAD_SHARE = 2 / 3
"""How much of a shortened text is its beginning: openings say more than endings."""
LEAST_ROOM = 64
"""Smaller parts would be more markers than text."""
_MARKER_TOKENS = 28
_BREAKS = ("\n\n", "\n", ". ", "! ", "? ", "。", " ")
_LOOK_BACK = 0.25
"""How much of a piece may be given up to end it where a paragraph, a line or a sentence ends."""
_OVERLAP = 0.06
"""How much of a part is repeated at the beginning of the next."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A text in pieces, each small enough.

    Attributes:
        pieces: at least one; they overlap, so that nothing is lost between two.
        cut: whether something of the text is in none of them.
    """

    pieces: list[str]
    cut: bool


def left_out(chars: int) -> str:
    """The line that stands where a text was shortened."""
    return f"[… {chars:,} characters left out …]"


def middle_out(text: str, room: int) -> str:
    """The text, its middle left out if it takes more than `room` tokens."""
    if estimate_tokens(text) <= room:
        return text
    room = max(room - _MARKER_TOKENS, 0)
    head = _break_before(text, _longest(text, int(room * HEAD_SHARE)))
    # What a text takes does not depend on the order of its characters.
    tail = _longest(text[: head - len(text) - 1 : -1], room - estimate_tokens(text[:head]))
    start = _break_after(text, len(text) - tail)
    return f"{text[:head].rstrip()}\n{left_out(start - head)}\n{text[start:].lstrip()}".strip()


def shared_out(texts: Sequence[str], room: int) -> list[str]:
    """Several texts that are to fit together; the long ones give way first, each as far as all."""
    sizes = [estimate_tokens(text) for text in texts]
    shares = list(sizes)
    for rank, at in enumerate(sorted(range(len(texts)), key=sizes.__getitem__)):
        shares[at] = min(sizes[at], max(room, 0) // (len(texts) - rank))
        room -= shares[at]
    return [middle_out(text, share) for text, share in zip(texts, shares, strict=True)]


def in_parts(text: str, room: int, most: int) -> Parts:
    """Cut a text into at most `most` parts of `room` tokens, or of `LEAST_ROOM`.

    A text for which those are not enough is shortened in the middle before.
    """
    room = max(room, LEAST_ROOM)
    pieces, capacity, whole = _pieces(text, room), most * room, text
    while len(pieces) > most:
        whole = middle_out(text, capacity)
        pieces = _pieces(whole, room)
        capacity -= max(room // 4, 1)
    return Parts(pieces, cut=whole is not text)


def _pieces(text: str, room: int) -> list[str]:
    pieces: list[str] = []
    start = 0
    while True:
        size = max(_longest(text, room, start), 1)
        if start + size >= len(text):
            pieces.append(text[start:].strip())
            return [piece for piece in pieces if piece] or [""]
        end = _break_before(text, start + size, start)
        pieces.append(text[start:end].strip())
        start = max(_break_after(text, end - int((end - start) * _OVERLAP), end), start + 1)


def _longest(text: str, room: int, start: int = 0) -> int:
    """How many characters, from `start` on, take no more than the room."""
    low, high = 0, min(len(text) - start, int(room * CHARS_PER_TOKEN_MAX) + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(text[start : start + middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _break_before(text: str, end: int, start: int = 0) -> int:
    """The last good place to end a piece at or before `end`; `end` itself if there is none near."""
    nearest = end - int((end - start) * _LOOK_BACK)
    for mark in _BREAKS:
        at = text.rfind(mark, nearest, end)
        if at >= 0:
            return at + len(mark)
    return end


def _break_after(text: str, start: int, end: int | None = None) -> int:
    """The first good place to begin a piece at or after `start`, not far from it."""
    stop = len(text) if end is None else end
    furthest = start + int((stop - start) * _LOOK_BACK)
    for mark in _BREAKS:
        at = text.find(mark, start, furthest)
        if at >= 0:
            return at + len(mark)
    return start
