"""Real PDFs go in; pages that a model can look at come out, or a sentence for a person."""

import asyncio
import os
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from shared.enums import FailureReason
from tests.pdf_files import BOX, FORM, GREEN, RED_LEFT, STAMP, endless, locked, pdf
from tests.worker.files.test_images import RED, WHITE, is_near, shown
from worker.errors import Halt, Reject
from worker.files import documents
from worker.files.documents import DocumentFolder, DocumentLimits
from worker.files.image_files import OpenFile

LIMITS = DocumentLimits(file_bytes=200_000, pages=7, pixels=20_000, page_timeout_s=60)
SHOWN_GREEN = (0, 255, 0)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DocumentFolder]:
    """A document folder at `tmp_path`."""
    folder = DocumentFolder(tmp_path, LIMITS)
    yield folder
    folder.close()


async def page(folder: DocumentFolder, path: str, number: int = 1) -> Image.Image:
    """One page, as the model gets to see it."""
    async with folder.open(path) as document:
        return shown(await document.page(number))


async def why_not(folder: DocumentFolder, path: str) -> str:
    """The sentence for a path without a usable document."""
    with pytest.raises(Reject) as caught:
        async with folder.open(path):
            pass
    assert caught.value.reason is FailureReason.INVALID_DOCUMENT
    return str(caught.value)


async def test_pages(folder: DocumentFolder, tmp_path: Path) -> None:
    """Each page is a picture of its own; the same page is the same bytes, in any order, at once."""
    (tmp_path / "a.pdf").write_bytes(pdf(RED_LEFT, GREEN, ""))
    async with folder.open("a.pdf") as document:
        assert (document.page_count, document.pages_max) == (3, 7)
        pages = await asyncio.gather(*(document.page(number) for number in (3, 1, 2, 1)))
    blank, red, green, again = map(shown, pages)
    assert is_near(red, (50, 50), RED)
    assert is_near(red, (150, 50), WHITE)
    assert is_near(green, (50, 50), SHOWN_GREEN)
    assert is_near(blank, (50, 50), WHITE)
    assert red.tobytes() == again.tobytes()
    assert pages[1].digest == pages[3].digest != pages[2].digest


async def test_scanned_pages(folder: DocumentFolder, tmp_path: Path) -> None:
    """What a scanner makes: one picture a page."""
    scans = [Image.new("RGB", (120, 160), colour) for colour in ("red", "lime")]
    data = BytesIO()
    scans[0].save(data, "PDF", save_all=True, append_images=scans[1:])
    (tmp_path / "a.pdf").write_bytes(data.getvalue())
    assert is_near(await page(folder, "a.pdf", 2), (9, 9), SHOWN_GREEN)


@pytest.mark.parametrize("data", [STAMP, FORM], ids=["stamp", "form"])
async def test_draws_what_was_filled_in(
    folder: DocumentFolder, tmp_path: Path, data: bytes
) -> None:
    """Stamps, notes and filled-in fields are part of the page."""
    (tmp_path / "a.pdf").write_bytes(data)
    assert is_near(await page(folder, "a.pdf"), (50, 50), SHOWN_GREEN)


async def test_upright(folder: DocumentFolder, tmp_path: Path) -> None:
    """A page is turned as it says itself: what was left is on top."""
    (tmp_path / "a.pdf").write_bytes(pdf(RED_LEFT, page=f"{BOX} /Rotate 90"))
    image = await page(folder, "a.pdf")
    assert image.size == (100, 200)
    assert is_near(image, (50, 50), RED)
    assert is_near(image, (50, 150), WHITE)


async def test_large_page_is_shrunk(folder: DocumentFolder, tmp_path: Path) -> None:
    """A poster keeps its shape within the pixels that are allowed."""
    (tmp_path / "a.pdf").write_bytes(pdf("", page="/MediaBox [0 0 8000 2000]"))
    image = await page(folder, "a.pdf")
    assert image.size == (282, 70)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"Dear diary, " * 50, "is not a PDF"),
        (b"", "is an empty file"),
        (b"%PDF-1.7 and then nothing", "is a PDF that cannot be read: damaged or cut short"),
        (pdf(RED_LEFT)[:120], "is a PDF that cannot be read: damaged or cut short"),
        (locked(), "is protected by a password"),
        (pdf(), "is a PDF without pages"),
        (pdf(RED_LEFT).ljust(200_001), "has 200,001 bytes; 200,000 are allowed"),
    ],
)
async def test_no_usable_document(
    folder: DocumentFolder, tmp_path: Path, data: bytes, why: str
) -> None:
    """Each kind of file that is no use has its own sentence."""
    (tmp_path / "a.pdf").write_bytes(data)
    assert await why_not(folder, "a.pdf") == f"document_path 'a.pdf' {why}"


async def test_path_is_opened_as_safely_as_a_picture(
    folder: DocumentFolder, tmp_path: Path
) -> None:
    """No way out, no link, no FIFO; the path is shown fit to print."""
    (tmp_path / "a.pdf").write_bytes(pdf(RED_LEFT))
    (tmp_path / "link.pdf").symlink_to("a.pdf")
    os.mkfifo(tmp_path / "fifo.pdf")
    assert "symbolic link" in await why_not(folder, "link.pdf")
    assert "not a regular file" in await why_not(folder, "fifo.pdf")
    assert "'..'" in await why_not(folder, "../a.pdf")
    assert await why_not(folder, "\x1b.pdf") == r"document_path '\x1b.pdf' does not exist"


@pytest.mark.parametrize("size", ["200000 300000", "200000 9"])
async def test_absurd_pages(folder: DocumentFolder, tmp_path: Path, size: str) -> None:
    """A page of many metres shows nothing that could be read."""
    (tmp_path / "a.pdf").write_bytes(pdf(RED_LEFT, page=f"/MediaBox [0 0 {size}]"))
    with pytest.raises(Reject, match="page 1 has a size that no paper has"):
        await page(folder, "a.pdf")


@pytest.mark.parametrize("number", [-1, 0, 3])
async def test_no_such_page(folder: DocumentFolder, tmp_path: Path, number: int) -> None:
    """Pages are counted from one."""
    (tmp_path / "a.pdf").write_bytes(pdf("", ""))
    with pytest.raises(Reject, match=rf"page {number} does not exist: the document has 2 pages"):
        await page(folder, "a.pdf", number)


async def test_damaged_page_costs_no_other(folder: DocumentFolder, tmp_path: Path) -> None:
    """Where one page is missing from the file, the other is there."""
    (tmp_path / "a.pdf").write_bytes(pdf("", GREEN).replace(b"5 0 R]", b"9 0 R]"))
    async with folder.open("a.pdf") as document:
        with pytest.raises(Reject, match="page 2 cannot be read: it is damaged"):
            await document.page(2)
        assert shown(await document.page(1)).size == (200, 100)


async def test_endless_page(tmp_path: Path) -> None:
    """A page that would take years ends at its time; the count of pages takes no part in that."""
    limits = DocumentLimits(pixels=10_000, page_timeout_s=0.5)
    folder = DocumentFolder(tmp_path, limits)
    (tmp_path / "a.pdf").write_bytes(endless())
    with pytest.raises(Reject, match=r"page 1 takes the PDF reader more than 0\.5 seconds"):
        await page(folder, "a.pdf")
    folder.close()


async def test_missing_folder_stops_the_worker(tmp_path: Path) -> None:
    """The folder is the worker's own affair."""
    folder = DocumentFolder(tmp_path / "gone")
    with pytest.raises(Halt, match="IMAGE_STORAGE_PATH"):
        async with folder.open("a.pdf"):
            pass
    folder.close()


async def test_leaves_nothing_open(folder: DocumentFolder, tmp_path: Path) -> None:
    """Good and bad documents are closed."""
    (tmp_path / "good.pdf").write_bytes(pdf(RED_LEFT))
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-")

    async def all_sorts() -> int:
        async with folder.open("good.pdf") as document:
            await document.page(1)
        await why_not(folder, "bad.pdf")
        await why_not(folder, "gone.pdf")
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a Path for each number is needless

    first = await all_sorts()  # whatever the event loop opens once is open now
    assert await all_sorts() == first


async def test_cancelled_while_opening(
    folder: DocumentFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a thread opens for somebody who is gone is closed by it."""
    loop, begun, gate = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    closed, really, opened = asyncio.Event(), os.close, list[int]()

    def slowly(root: Path, path: str, max_bytes: int) -> OpenFile:
        loop.call_soon_threadsafe(begun.set)
        gate.wait(30)
        opened.append(os.open(root / path, os.O_RDONLY))
        return OpenFile(opened[0], max_bytes)

    def closing(descriptor: int) -> None:
        really(descriptor)
        if descriptor in opened:
            loop.call_soon_threadsafe(closed.set)

    (tmp_path / "a.pdf").write_bytes(pdf(RED_LEFT))
    monkeypatch.setattr(documents, "open_below", slowly)
    monkeypatch.setattr(os, "close", closing)
    task = asyncio.create_task(why_not(folder, "a.pdf"))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    await closed.wait()
