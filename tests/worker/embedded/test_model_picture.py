"""Pictures looked at."""

import base64
import io

import pytest
from PIL import Image

from worker.embedded.model_picture import read_data_uri, read_picture


def encoded(colour: str, size: tuple[int, int], kind: str = "PNG") -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("colour", "size", "expected"),
    [
        ("#87ceeb", (64, 32), {"blue", "bright", "landscape"}),
        ("#101010", (32, 64), {"black", "dark", "portrait"}),
        ("#00a000", (40, 40), {"green", "evenly lit", "square", "plain"}),
        ("#8b5a2b", (40, 40), {"brown"}),
        ("#ffffff", (40, 40), {"white", "bright"}),
    ],
)
def test_picture_in_words(colour: str, size: tuple[int, int], expected: set[str]) -> None:
    """Colour, light and shape are seen."""
    picture = read_picture(encoded(colour, size))
    assert picture is not None
    assert expected <= set(picture.tags)
    assert 3 <= len(picture.tags) <= 7


def test_description_names_what_is_seen() -> None:
    """One sentence, and the tokens a vision model would take."""
    picture = read_picture(encoded("#87ceeb", (560, 280), "JPEG"))
    assert picture is not None
    expected = "A bright landscape picture, mostly blue, 560 by 280 pixels."
    assert picture.description == expected
    assert picture.tokens == 200


def test_data_uri() -> None:
    """Base64 of a picture is read, anything else is none."""
    data = base64.b64encode(encoded("red", (8, 8))).decode()
    assert read_data_uri(f"data:image/png;base64,{data}") is not None
    assert read_data_uri("data:image/png;base64,%%%") is None
    assert read_data_uri("data:image/png;base64,aGVsbG8=") is None
    assert read_data_uri("data:text/plain,hello") is None
