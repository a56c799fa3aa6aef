"""How many tokens a text will be, without the model's own tokenizer: rather too many than too few.

Counted by what bytes of UTF-8 a text has, which takes C speed and one pass each. The weights were
set against two tokenizers, an old one of 32,000 pieces and a new one of 130,000: for prose in some
twenty languages, lists of numbers, addresses and JSON the estimate is above both.
"""

from math import ceil

from worker.llm.chat import PreparedImage

CHARS_PER_TOKEN_MAX = 3.2
"""No estimate is below one token for so many characters."""
_CAPITALS = bytes(range(0x41, 0x5B))
_SMALL = bytes(range(0x61, 0x7B))
_SPACES = b" "
_ASCII = bytes(range(0x80))
_CONTINUATION = bytes(range(0x80, 0xC0))
_LEADS_TWO = bytes(range(0xC0, 0xE0))
_LEADS_FOUR = bytes(range(0xF0, 0x100))

_PIXELS_PER_TOKEN = 28 * 28
_PICTURE_FRAME_TOKENS = 64


def estimate_tokens(text: str) -> int:
    """Tokens a text will hardly exceed; grows with the text, and is 0 for none."""
    data = text.encode("utf-8", "surrogatepass")
    small, capitals, spaces = _count(data, _SMALL), _count(data, _CAPITALS), _count(data, _SPACES)
    words = max(small / 2.5, small / 5 + spaces * 0.8) + capitals / 1.5
    plain = len(data) if text.isascii() else _count(data, _ASCII)
    signs = plain - small - capitals - spaces  # digits, punctuation, line ends: often one each
    two, three, four = _longer(data, plain) if plain < len(data) else (0, 0, 0)
    return ceil(words + signs + 1.1 * two + 1.5 * three + 3.3 * four)


def _longer(data: bytes, plain: int) -> tuple[int, int, int]:
    """Characters of two, three and four bytes."""
    two, four = _count(data, _LEADS_TWO), _count(data, _LEADS_FOUR)
    return two, len(data) - plain - _count(data, _CONTINUATION) - two - four, four


def picture_tokens(image: PreparedImage) -> int:
    """Tokens of a picture: about one for each patch of 28 by 28 pixels, rather more than less."""
    return image.width * image.height // _PIXELS_PER_TOKEN + _PICTURE_FRAME_TOKENS


def _count(data: bytes, kinds: bytes) -> int:
    return len(data) - len(data.translate(None, kinds))
