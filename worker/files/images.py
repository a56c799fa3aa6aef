"""Pictures for the model: read safely, checked, shrunk, upright, on white, as plain JPEG.

Whatever a producer's path leads to ends as a `PreparedImage` or as a sentence for a person.
The sizes are chosen for vision models, which scale down to about a megapixel themselves: sending
more costs time and memory on both sides and tells the model nothing.
"""

import asyncio
import hashlib
import math
import re
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from shared.enums import FailureReason
from worker.errors import Reject
from worker.files import heif
from worker.files.image_files import UnusableFile, read_below
from worker.llm.chat import PreparedImage

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_SIDE_MAX = 16_384  # JPEG itself ends at 65,535; a strip this long shows a model nothing
_SHOWN_CHARS = 200
_THREADS = 2
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
# What Pillow's decoders raise for bytes that only look like a picture; a warning arrives here
# where the program runs with `-W error`.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    MemoryError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    Warning,
    struct.error,
    zlib.error,
)

# Pillow's own bound comes before ours; below twice its limit it would only print to stderr.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class ImageLimits:
    """What is taken and what is made of it."""

    file_bytes: int = 20 * 1024 * 1024
    source_pixels: int = 64_000_000
    """Width times height before decoding; Pillow's own bound (89 million) stays in force."""
    pixels: int = 1_048_576
    """Width times height of what is sent, at most."""


class ImageFolder:
    """The pictures below one folder (`IMAGE_STORAGE_PATH`); the `ImageSource` of the handlers.

    Reading and decoding run in two threads of its own: pictures wait for one another, the event
    loop waits for none, and no more than two are unpacked in memory at once.
    """

    def __init__(
        self,
        root: Path,
        max_file_bytes: int = ImageLimits.file_bytes,
        max_source_pixels: int = ImageLimits.source_pixels,
        max_pixels: int = ImageLimits.pixels,
    ) -> None:
        self._root = root.absolute()
        self._limits = ImageLimits(max_file_bytes, max_source_pixels, max_pixels)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="images")

    async def load(self, path: str) -> PreparedImage:
        """Open, check and shrink the picture at `path`, relative to the folder or inside it.

        A cancelled call leaves nothing open: its thread ends by itself, the result is dropped.

        Raises:
            Reject: there is no usable picture there; the message is for a person.
            Retryable: the file system failed.
            Halt: the folder itself is missing or closed to this worker.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._load, path)

    def close(self) -> None:
        """Drop the pictures that wait and return when those being decoded (≤ 2) are done."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _load(self, path: str) -> PreparedImage:
        try:
            return prepare(read_below(self._root, path, self._limits.file_bytes), self._limits)
        except UnusableFile as error:
            told = f"image_path {shown(path)} {error}"
            raise Reject(FailureReason.INVALID_IMAGE, told) from error


def prepare(data: bytes, limits: ImageLimits) -> PreparedImage:
    """A picture file's content, made ready to be sent: its first frame, without its metadata.

    Raises:
        UnusableFile: it is no picture, a damaged one, or larger than `limits.source_pixels`.
    """
    try:
        with Image.open(BytesIO(data), formats=(*_FORMATS, *heif.formats())) as image:
            width, height = image.size
            if width * height > limits.source_pixels:
                raise UnusableFile(_too_large(f"{width:,} by {height:,}", limits))
            return encode(_upright(_shrink(image, limits.pixels)))
    except _BOMB as error:
        found = re.search(r"\d+", str(error))  # Pillow counted, and says so only in its text
        pixels = f"{int(found[0]):,}" if found else "far too many"
        raise UnusableFile(_too_large(pixels, limits)) from error
    except UnidentifiedImageError as error:
        raise UnusableFile(_unknown(data)) from error
    except _BROKEN as error:
        raise UnusableFile("is not a picture that can be read: damaged or cut short") from error


def encode(image: Image.Image) -> PreparedImage:
    """A picture as it is sent: the same pixels give the same bytes, and so the same digest.

    On a new canvas, because Pillow would carry comments and profiles of the old one along.
    """
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    out = BytesIO()
    canvas.save(out, "JPEG", quality=85)
    data = out.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    return PreparedImage(data, "image/jpeg", canvas.width, canvas.height, digest)


def shown(path: str) -> str:
    """A path as it can be printed: escaped, and not without end."""
    return repr(path[:_SHOWN_CHARS]) + ("…" if len(path) > _SHOWN_CHARS else "")


def fit(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """The largest size of the same shape that is not larger than `size` nor than `max_pixels`."""
    width, height = size
    scale = min(1.0, math.sqrt(max_pixels / (width * height)), _SIDE_MAX / max(width, height))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _unknown(data: bytes) -> str:
    if heif.is_one(data) and not heif.formats():
        return heif.WANTS_EXTRA
    return f"is not a picture ({', '.join((*_FORMATS, *heif.formats()))} are read)"


def _too_large(size: str, limits: ImageLimits) -> str:
    return f"is a picture of {size} pixels; {limits.source_pixels:,} are allowed"


def _shrink(image: Image.Image, max_pixels: int) -> Image.Image:
    width, height = fit(image.size, max_pixels)
    image.draft("RGB", (2 * width, 2 * height))  # JPEG: decodes at 1/2, 1/4 or 1/8 at once
    colours = _colours(image)
    colours.thumbnail(fit(colours.size, max_pixels), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return colours


def _colours(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something shows through: the modes that can be resized well."""
    if image.mode.startswith("I;16"):  # 16 bits of grey, which Pillow would clip to 8, not scale
        image = Image.eval(image.convert("I"), lambda grey: grey * (1 / 256)).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says. Broken EXIF is common in good photos and worth no rejection."""
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN:
        return image
