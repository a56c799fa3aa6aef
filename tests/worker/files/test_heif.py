"""What phones take: pictures like all others where the extra is there, a clear word where not."""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from tests.worker.files.test_images import BLUE, RED, exif, is_near, red_blue, shown, why_not
from worker.files import heif
from worker.files.images import ImageFolder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ImageFolder]:
    """An image folder at `tmp_path`."""
    folder = ImageFolder(tmp_path)
    yield folder
    folder.close()


@pytest.fixture
def undecided() -> Iterator[None]:
    """The question whether the extra is there is open again, before and after the test."""
    heif.formats.cache_clear()
    yield
    heif.formats.cache_clear()


def phone_photo(name: str) -> bytes:
    """A picture in a format that needs the extra."""
    pytest.importorskip("pillow_heif")
    assert heif.formats()  # registers what writes them, too
    out = BytesIO()
    red_blue().save(out, name)
    return out.getvalue()


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
async def test_reads_what_phones_take(folder: ImageFolder, tmp_path: Path, name: str) -> None:
    """With the extra, HEIC and AVIF are pictures like all others."""
    (tmp_path / "a.heic").write_bytes(phone_photo(name))
    image = shown(await folder.load("a.heic"))
    assert image.size == (80, 40)
    assert is_near(image, (5, 20), RED)
    assert is_near(image, (75, 20), BLUE)


async def test_phone_held_sideways(folder: ImageFolder, tmp_path: Path) -> None:
    """HEIC has its own way of saying how it is to be turned."""
    pytest.importorskip("pillow_heif")
    assert heif.formats()
    red_blue().save(tmp_path / "a.heic", "HEIF", exif=exif(6).tobytes())
    image = shown(await folder.load("a.heic"))
    assert image.size == (40, 80)
    assert is_near(image, (20, 5), RED)


@pytest.mark.usefixtures("undecided")
@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
async def test_without_the_extra(
    folder: ImageFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Without it the sentence says what is missing; other files are called what they are."""
    (tmp_path / "a.heic").write_bytes(phone_photo(name))
    (tmp_path / "a.txt").write_text("Dear diary")
    heif.formats.cache_clear()
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # import then says it is not there
    assert await why_not(folder, "a.heic") == (
        "image_path 'a.heic' is a HEIC, HEIF or AVIF picture: "
        "install llm-worker[heic] to have these read"
    )
    assert "JPEG, PNG, WEBP, GIF, BMP, TIFF are read" in await why_not(folder, "a.txt")


async def test_cut_off_phone_photo(folder: ImageFolder, tmp_path: Path) -> None:
    """Half a photo is damaged, whatever its decoder calls that."""
    for name in ("HEIF", "AVIF"):
        data = phone_photo(name)
        for size in (20, len(data) // 2, len(data) - 5):
            (tmp_path / "a.heic").write_bytes(data[:size])
            assert "is not a picture" in await why_not(folder, "a.heic")
