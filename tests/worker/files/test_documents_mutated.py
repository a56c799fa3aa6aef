"""Files with flipped bits: whatever is in them, the worker is told one of the things it knows."""

import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.children import children
from tests.pdf_files import FORM, RED_LEFT, STAMP, pdf
from tests.worker.files.test_images import exif, red_blue
from worker.errors import Reject
from worker.files import heif
from worker.files.documents import DocumentFolder, DocumentLimits
from worker.files.images import ImageFolder
from worker.llm.chat import PreparedImage

PICTURES, PDFS = 140, 60
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
PIXELS = 20_000


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The same file with up to twenty bits flipped, and sometimes cut off or with a hole."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 20)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.2:
        del changed[chance.randrange(len(changed)) :]
    if chance.random() < 0.2:
        start = chance.randrange(len(changed) + 1)
        del changed[start : start + chance.randint(1, 50)]
    return bytes(changed) or b"\0"


def pictures() -> list[bytes]:
    """One good picture of each format that is read."""
    made: list[bytes] = []
    for name in (*FORMATS, *heif.formats()):
        out = BytesIO()
        red_blue().save(out, name, **({"exif": exif(6)} if name in {"JPEG", "PNG"} else {}))
        made.append(out.getvalue())
    return made


def pdfs() -> list[bytes]:
    """Good documents: drawn, stamped, filled in, scanned."""
    scan = BytesIO()
    noise = Image.effect_noise((60, 40), 90)
    noise.save(scan, "PDF", save_all=True, append_images=[noise.convert("RGB")])
    return [pdf(RED_LEFT, ""), STAMP, FORM, scan.getvalue()]


@pytest.fixture(autouse=True)
def leaves_no_child() -> Iterator[None]:
    """Whatever happened, all processes have been waited for."""
    before = children()
    yield
    assert children() <= before


async def test_mutated_pictures(tmp_path: Path) -> None:
    """A changed picture is a picture of a proper size, or refused."""
    folder, chance, good = ImageFolder(tmp_path, max_pixels=PIXELS), random.Random(4), pictures()
    told, shown = list[str](), list[PreparedImage]()
    for number in range(PICTURES):
        (tmp_path / "a").write_bytes(mutated(good[number % len(good)], chance))
        try:
            shown.append(await folder.load("a"))
        except Reject as error:
            told.append(str(error))
    folder.close()
    hold(told, shown, "image_path 'a' ")


async def test_mutated_documents(tmp_path: Path) -> None:
    """A changed document has pages of a proper size, or is refused as a whole or page by page."""
    folder = DocumentFolder(tmp_path, DocumentLimits(pixels=PIXELS, page_timeout_s=30))
    chance, good = random.Random(4), pdfs()
    told, shown = list[str](), list[PreparedImage]()
    for number in range(PDFS):
        (tmp_path / "a").write_bytes(mutated(good[number % len(good)], chance))
        try:
            async with folder.open("a") as document:
                shown.append(await document.page(1))
        except Reject as error:
            told.append(str(error))
    folder.close()
    hold(told, shown, ("document_path 'a' ", "page 1 "))


def hold(told: list[str], shown: list[PreparedImage], beginning: str | tuple[str, ...]) -> None:
    """There were files of both kinds, and each was told properly."""
    assert [text for text in told if not text.startswith(beginning)] == []
    assert all(0 < image.width * image.height <= PIXELS for image in shown)
    assert min(len(told), len(shown)) > (len(told) + len(shown)) // 10
