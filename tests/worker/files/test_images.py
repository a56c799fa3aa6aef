"""Real files go in; what a model can look at comes out, or a sentence for a person."""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from shared.enums import FailureReason
from worker.errors import Halt, Reject
from worker.files.images import ImageFolder, fit
from worker.llm.chat import PreparedImage

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
ORIENTATION, DESCRIPTION = 0x0112, 0x010E


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ImageFolder]:
    """An image folder at `tmp_path`."""
    folder = ImageFolder(tmp_path)
    yield folder
    folder.close()


def red_blue(mode: str = "RGB", size: tuple[int, int] = (80, 40)) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)


def exif(orientation: int) -> Image.Exif:
    """Metadata with an orientation and something private."""
    data = Image.Exif()
    data[ORIENTATION] = orientation
    data[DESCRIPTION] = "taken at home"
    return data


def png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to have this size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def shown(prepared: PreparedImage) -> Image.Image:
    """What the model gets to see."""
    image = Image.open(BytesIO(prepared.data))
    assert (image.format, prepared.media_type) == ("JPEG", "image/jpeg")
    assert (image.mode, image.size) == ("RGB", (prepared.width, prepared.height))
    return image


def is_near(image: Image.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    """Whether a pixel has a colour, up to what JPEG does to it."""
    box = image.crop((*at, at[0] + 1, at[1] + 1)).tobytes()
    return all(abs(got - wanted) < 40 for got, wanted in zip(box, colour, strict=True))


async def why_not(folder: ImageFolder, path: str) -> str:
    """The sentence for a path without a usable picture."""
    with pytest.raises(Reject) as caught:
        await folder.load(path)
    assert caught.value.reason is FailureReason.INVALID_IMAGE
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.jpg", "RGB"),
        ("a.jpg", "CMYK"),
        ("a.png", "RGB"),
        ("a.png", "P"),
        ("a.webp", "RGB"),
        ("a.gif", "P"),
        ("a.bmp", "RGB"),
        ("a.tiff", "RGB"),
    ],
)
async def test_reads_each_format(folder: ImageFolder, tmp_path: Path, name: str, mode: str) -> None:
    """Every allowed format comes out as the same JPEG."""
    red_blue(mode).save(tmp_path / name)
    image = shown(await folder.load(name))
    assert image.size == (80, 40)
    assert is_near(image, (5, 20), RED)
    assert is_near(image, (75, 20), BLUE)


async def test_digest(folder: ImageFolder, tmp_path: Path) -> None:
    """The digest is that of the bytes, and the same picture is always the same bytes."""
    red_blue().save(tmp_path / "a.png")
    red_blue().save(tmp_path / "same.bmp")
    red_blue(size=(80, 41)).save(tmp_path / "other.png")
    first, again, same, other = [
        await folder.load(name) for name in ("a.png", "a.png", "same.bmp", "other.png")
    ]
    assert first.digest == hashlib.sha256(first.data).hexdigest()
    assert first == again == same
    assert other.digest != first.digest


async def test_format_is_in_the_bytes(folder: ImageFolder, tmp_path: Path) -> None:
    """The name's ending means nothing."""
    red_blue().save(tmp_path / "a", "PNG")
    (tmp_path / "a").rename(tmp_path / "a.gif")
    assert shown(await folder.load("a.gif")).size == (80, 40)


async def test_shrinks(tmp_path: Path) -> None:
    """A large picture keeps its shape and loses pixels; a small one is left as it is."""
    folder = ImageFolder(tmp_path, max_pixels=20_000)
    red_blue(size=(1_600, 800)).save(tmp_path / "large.jpg")
    red_blue(size=(200, 100)).save(tmp_path / "small.png")
    assert shown(await folder.load("large.jpg")).size == (200, 100)
    assert shown(await folder.load("small.png")).size == (200, 100)
    folder.close()


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff"])
async def test_turns_upright(tmp_path: Path, name: str) -> None:
    """A camera held sideways (orientation 6) gives an upright picture, shrunk or not."""
    red_blue(size=(400, 200)).save(tmp_path / name, exif=exif(6))
    for max_pixels, size in ((1_000_000, (200, 400)), (20_000, (100, 200))):
        folder = ImageFolder(tmp_path, max_pixels=max_pixels)
        image = shown(await folder.load(name))
        assert image.size == size
        assert is_near(image, (size[0] // 2, 5), RED)
        assert is_near(image, (size[0] // 2, size[1] - 5), BLUE)
        folder.close()


async def test_broken_exif_is_ignored(folder: ImageFolder, tmp_path: Path) -> None:
    """A good picture with bad metadata is a good picture."""
    red_blue().save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert shown(await folder.load("a.png")).size == (80, 40)


async def test_strips_metadata(folder: ImageFolder, tmp_path: Path) -> None:
    """Nothing private travels along: no EXIF, no comment, no colour profile."""
    red_blue().save(
        tmp_path / "a.jpg", exif=exif(1), comment=b"taken at home", icc_profile=b"p" * 200
    )
    prepared = await folder.load("a.jpg")
    assert b"taken at home" not in prepared.data
    assert not {"exif", "comment", "icc_profile"} & shown(prepared).info.keys()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
async def test_alpha_on_white(folder: ImageFolder, tmp_path: Path, mode: str) -> None:
    """What shows through shows white, not the black that lies under it."""
    image = Image.new("RGBA", (80, 40), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (40, 0, 80, 40))
    image.convert(mode).save(tmp_path / "a.tiff" if mode == "PA" else tmp_path / "a.png")
    result = shown(await folder.load("a.tiff" if mode == "PA" else "a.png"))
    assert is_near(result, (5, 20), WHITE)
    assert is_near(result, (75, 20), (0, 0, 0))


async def test_transparent_colour_on_white(folder: ImageFolder, tmp_path: Path) -> None:
    """A palette's transparent colour shows white as well."""
    red_blue("P").save(tmp_path / "a.gif", transparency=red_blue("P").tobytes()[0])
    result = shown(await folder.load("a.gif"))
    assert is_near(result, (5, 20), WHITE)
    assert is_near(result, (75, 20), BLUE)


async def test_sixteen_bit_grey(folder: ImageFolder, tmp_path: Path) -> None:
    """Sixteen bits of grey are scaled to eight, not cut off at white."""
    Image.new("I;16", (80, 40), 0x8000).save(tmp_path / "a.png")
    assert is_near(shown(await folder.load("a.png")), (5, 20), (128, 128, 128))


async def test_first_frame(folder: ImageFolder, tmp_path: Path) -> None:
    """An animation is its first frame."""
    frames = [Image.new("RGB", (80, 40), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert is_near(shown(await folder.load("a.gif")), (5, 20), RED)


@pytest.mark.parametrize(
    ("width", "height", "told"),
    [
        (9_000, 8_000, "9,000 by 8,000 pixels; 64,000,000 are allowed"),
        (10_000, 10_000, "100,000,000 pixels; 64,000,000 are allowed"),
        (60_000, 60_000, "3,600,000,000 pixels; 64,000,000 are allowed"),
    ],
)
async def test_bomb(
    folder: ImageFolder, tmp_path: Path, width: int, height: int, told: str
) -> None:
    """A picture of a hundred bytes that would unpack to gigabytes is refused by its header."""
    (tmp_path / "bomb.png").write_bytes(png(width, height))
    assert told in await why_not(folder, "bomb.png")


async def test_not_a_picture(folder: ImageFolder, tmp_path: Path) -> None:
    """Text, a format not on the list, a cut-off photo and damaged data are the job's fault."""
    red_blue().save(tmp_path / "other.jpg", "PPM")
    (tmp_path / "text.jpg").write_text("Dear diary, " * 50)
    photo = BytesIO()
    red_blue(size=(400, 400)).save(photo, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(photo.getvalue()[:-500])
    (tmp_path / "short.png").write_bytes(png(40, 40))
    for name in ("text.jpg", "other.jpg", "cut.jpg", "short.png"):
        assert f"image_path '{name}' is not a picture" in await why_not(folder, name)


async def test_offset_that_is_no_number_of_bytes(folder: ImageFolder, tmp_path: Path) -> None:
    """A TIFF may say that its pixels begin at byte 8.5, which Pillow takes at its word."""
    out = BytesIO()
    red_blue().save(out, "TIFF")
    strip_offsets = struct.Struct("<HHI")
    data = out.getvalue().replace(strip_offsets.pack(273, 4, 1), strip_offsets.pack(273, 11, 1))
    assert data != out.getvalue()
    (tmp_path / "a.tiff").write_bytes(data)
    assert "is not a picture" in await why_not(folder, "a.tiff")


async def test_refuses_large_files(tmp_path: Path) -> None:
    """The file's size is checked before it is read."""
    folder = ImageFolder(tmp_path, max_file_bytes=50)
    (tmp_path / "a.jpg").write_bytes(b"x" * 51)
    assert "has 51 bytes; 50 are allowed" in await why_not(folder, "a.jpg")
    folder.close()


async def test_message_is_fit_to_print(folder: ImageFolder) -> None:
    """A path is shown with its control characters escaped and not beyond 200 characters."""
    assert await why_not(folder, "a\n\x1b[31m.jpg") == (
        r"image_path 'a\n\x1b[31m.jpg' does not exist"
    )
    long = await why_not(folder, "/".join(["y" * 99] * 9))
    assert long.count("y") == 198  # and two slashes
    assert "…" in long


async def test_missing_folder_stops_the_worker(tmp_path: Path) -> None:
    """The folder is the worker's own affair."""
    folder = ImageFolder(tmp_path / "gone")
    with pytest.raises(Halt, match="IMAGE_STORAGE_PATH"):
        await folder.load("a.jpg")
    folder.close()


@pytest.mark.parametrize(
    ("size", "max_pixels", "wanted"),
    [
        ((100, 50), 10_000, (100, 50)),
        ((4_000, 3_000), 1_048_576, (1_182, 886)),
        ((1_000_000, 1), 1_048_576, (16_384, 1)),
        ((1, 1), 1, (1, 1)),
    ],
)
def test_fit(size: tuple[int, int], max_pixels: int, wanted: tuple[int, int]) -> None:
    """The shape stays, no side vanishes, nothing grows."""
    assert fit(size, max_pixels) == wanted
