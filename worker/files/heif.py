"""HEIC, HEIF and AVIF: what phones take pictures in, read where the extra `heic` is installed."""

from functools import cache
from importlib import import_module
from typing import Any

from PIL import AvifImagePlugin

FORMATS = ("HEIF", "AVIF")
WANTS_EXTRA = "is a HEIC, HEIF or AVIF picture: install llm-worker[heic] to have these read"
"""What to say of such a picture without the extra; continues a sentence."""

_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"}
)


@cache
def formats() -> tuple[str, ...]:
    """The names under which Pillow can read these formats; none without the extra."""
    try:
        plugin: Any = import_module("pillow_heif")
    except ImportError:
        return ()
    # One thread each: how many pictures are decoded at once is decided elsewhere. No thumbnails:
    # what is embedded for a preview need not show the same as the picture.
    plugin.register_heif_opener(decode_threads=1, thumbnails=False)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    return FORMATS


def is_one(data: bytes) -> bool:
    """Whether this is the beginning of such a file, by the brand it gives itself."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS
