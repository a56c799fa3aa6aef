"""What can be seen in a picture without understanding it: its shape, its light, its colours."""

import base64
import binascii
import colorsys
import io
import math
from collections import Counter
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

_GRID = 32
_PATCH = 28
"""Pixels of a patch's side: a vision model pays one token for each patch."""
_HUES = (
    (0.04, "red"),
    (0.11, "orange"),
    (0.19, "yellow"),
    (0.45, "green"),
    (0.54, "turquoise"),
    (0.72, "blue"),
    (0.83, "purple"),
    (0.95, "pink"),
    (1.01, "red"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in words; `tokens` is what it costs in a prompt."""

    width: int
    height: int
    light: str
    detail: str
    colours: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """Prompt tokens: one for each patch."""
        return math.ceil(self.width / _PATCH) * math.ceil(self.height / _PATCH)

    @property
    def orientation(self) -> str:
        """`landscape`, `portrait` or `square`."""
        if self.width > self.height * 1.1:
            return "landscape"
        return "portrait" if self.height > self.width * 1.1 else "square"

    @property
    def description(self) -> str:
        """One sentence."""
        article = "An" if self.light[0] in "aeiou" else "A"
        return (
            f"{article} {self.light} {self.orientation} picture, "
            f"mostly {' and '.join(self.colours)}, {self.width} by {self.height} pixels."
        )

    @property
    def tags(self) -> list[str]:
        """Three to seven words."""
        return [*self.colours, self.light, self.orientation, self.detail]


def read_data_uri(uri: str) -> Picture | None:
    """The picture in a `data:image/…;base64,` URI, or None if there is none."""
    head, comma, encoded = uri.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        return None
    try:
        return read_picture(base64.b64decode(encoded, validate=True))
    except binascii.Error:
        return None


def read_picture(data: bytes) -> Picture | None:
    """Look at an encoded picture; None if it cannot be decoded."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            image.thumbnail((_GRID, _GRID))  # lets a JPEG be decoded small
            raw = image.convert("RGB").tobytes()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    pixels = list(zip(raw[::3], raw[1::3], raw[2::3], strict=True))
    lights = [0.299 * red + 0.587 * green + 0.114 * blue for red, green, blue in pixels]
    mean = sum(lights) / len(lights)
    spread = math.sqrt(sum((light - mean) ** 2 for light in lights) / len(lights))
    return Picture(
        width,
        height,
        "bright" if mean > 160 else "dark" if mean < 80 else "evenly lit",
        "detailed" if spread > 40 else "calm" if spread > 8 else "plain",
        _main_colours(pixels),
    )


def _main_colours(pixels: list[tuple[int, int, int]]) -> tuple[str, ...]:
    counts = Counter(_colour(*pixel) for pixel in pixels)
    main = [name for name, count in counts.most_common(3) if count / len(pixels) >= 0.12]
    return tuple(main) or (counts.most_common(1)[0][0],)


def _colour(red: int, green: int, blue: int) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    if value < 0.18:
        return "black"
    if saturation < 0.14:
        return "white" if value > 0.85 else "grey"
    name = next(name for limit, name in _HUES if hue < limit)
    return "brown" if name == "orange" and value < 0.65 else name
