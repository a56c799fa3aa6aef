"""The program that draws one page of a PDF, in a process of its own: `python -I pdf_pages.py …`.

PDFium is C++ that reads what strangers wrote; it may crash, hang or ask for all the memory there
is. So each page has a process that dies of it alone. It gets the document as its standard input,
none of our settings, and limits, and answers with bare pixels: there is nothing in its answer that
a taken-over process could make the worker parse.

    answer = READY, ANSWER (verdict, page_count, width, height), width * height * 3 bytes of RGB

It imports nothing of ours, so that it starts in some 50 ms.
"""

import ctypes
import math
import os
import resource
import signal
import struct
import sys
from contextlib import suppress
from enum import IntEnum
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

READY = b"R"
"""Said before the document is looked at: whatever goes wrong from here on is its doing."""
ANSWER = struct.Struct("!BIII")
NO_PDFIUM = 3
"""The exit code of a process that cannot begin, because PDFium is not installed."""
SIDE_MAX_PX = 16_384
SIDE_MAX_PT = 144_000
"""Fifty metres; ten times what the PDF specification thought of."""
SCALE_MAX = 300 / 72
"""Pixels per point: what is printed has no more than 300 to the inch, so more shows nothing."""

_LOCKED_CODES = {4, 5}  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY
_HEADER_WITHIN = 1_024  # bytes; as far as PDFium looks


class Verdict(IntEnum):
    """What became of the request."""

    DONE = 0
    NOT_PDF = 1
    DAMAGED = 2
    LOCKED = 3
    NO_PAGES = 4
    NO_SUCH_PAGE = 5
    PAGE_DAMAGED = 6
    PAGE_TOO_LARGE = 7
    NO_MEMORY = 8
    UNREADABLE = 9
    """The disk or the network failed, not the document."""


class Order(NamedTuple):
    """The program's arguments, in their order."""

    parent_pid: int
    page: int
    """Counted from 1; 0 only counts the pages."""
    size: int
    """Bytes of the document."""
    pixels: int
    """Width times height of the picture, at most."""
    memory: int
    """Bytes of address space."""
    cpu_s: int


class Picture(NamedTuple):
    """A page as rows of RGB."""

    width: int
    height: int
    rgb: bytes


class Refused(Exception):
    """The document or the page cannot be shown."""

    def __init__(self, verdict: Verdict, page_count: int = 0) -> None:
        super().__init__(verdict.name)
        self.verdict = verdict
        self.page_count = page_count


def picture_size(width_pt: float, height_pt: float, pixels: int) -> tuple[int, int]:
    """The pixels of a page: all that are allowed, up to `SCALE_MAX`; no side is nothing.

    Raises:
        Refused: no paper has this size.
    """
    longest = max(width_pt, height_pt)
    if not (width_pt > 0 and height_pt > 0 and longest <= SIDE_MAX_PT):  # also for nan
        raise Refused(Verdict.PAGE_TOO_LARGE)
    scale = min(SCALE_MAX, math.sqrt(pixels / (width_pt * height_pt)), SIDE_MAX_PX / longest)
    width, height = max(1, int(width_pt * scale)), max(1, int(height_pt * scale))
    # Where a side was to be less than one pixel, the other would be too long.
    return min(width, max(1, pixels // height)), min(height, max(1, pixels // width))


def limit_process(order: Order) -> None:
    """Bound what this process may take, and have it end with its parent (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != order.parent_pid:  # it died before the call
            os._exit(1)
        with suppress(OSError):  # where memory runs out, this is to go and not the worker
            Path("/proc/self/oom_score_adj").write_text("1000")
    for name, limit in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NPROC", 0),
        ("RLIMIT_CPU", order.cpu_s),
        ("RLIMIT_AS", order.memory),
    ):
        with suppress(AttributeError, ValueError, OSError):  # not every system has each
            resource.setrlimit(getattr(resource, name), (limit, limit))


def draw(pdfium: Any, data: bytes, order: Order) -> tuple[int, Picture | None]:
    """The number of pages and, unless only that was asked for, the page.

    Raises:
        Refused: it cannot be shown.
        MemoryError: there is not enough for it.
    """
    if b"%PDF-" not in data[:_HEADER_WITHIN]:
        raise Refused(Verdict.NOT_PDF)
    document = _opened(pdfium, data)
    count = len(document)
    if order.page == 0:
        return count, None
    if order.page > count:
        raise Refused(Verdict.NO_SUCH_PAGE, count)
    try:
        with suppress(pdfium.PdfiumError):  # broken forms are no reason to show nothing
            document.init_forms()
        return count, _drawn(pdfium, document, document[order.page - 1], order.pixels)
    except pdfium.PdfiumError:
        raise Refused(Verdict.PAGE_DAMAGED, count) from None


def _opened(pdfium: Any, data: bytes) -> Any:
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        code: int | None = error.err_code
    if code in _LOCKED_CODES:
        raise Refused(Verdict.LOCKED)
    raise Refused(Verdict.NO_PAGES if code == 0 else Verdict.DAMAGED)  # 0: it was loaded


def _drawn(pdfium: Any, document: Any, page: Any, pixels: int) -> Picture:
    """The page on white, with its annotations and filled-in forms, turned as it says itself."""
    raw = pdfium.raw
    width_pt, height_pt = page.get_size()
    width, height = picture_size(width_pt, height_pt, pixels)
    bitmap = pdfium.PdfBitmap.new_native(width, height, raw.FPDFBitmap_BGR, rev_byteorder=True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
    place = (0, 0, width, height, 0, raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER)
    raw.FPDF_RenderPageBitmap(bitmap, page, *place)
    if document.formenv:
        raw.FPDF_FFLDraw(document.formenv, bitmap, page, *place)
    rows = memoryview(bitmap.buffer).cast("B")
    starts = range(0, height * bitmap.stride, bitmap.stride)
    return Picture(width, height, b"".join(rows[at : at + width * 3] for at in starts))


def main(arguments: list[str]) -> None:
    """Answer one order and end, without a look back at what PDFium would still clean up."""
    order = Order(*map(int, arguments))
    answers, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # whatever PDFium prints is no answer
    limit_process(order)
    try:
        pdfium: Any = import_module("pypdfium2")
    except ImportError:
        os._exit(NO_PDFIUM)
    with os.fdopen(answers, "wb") as out:
        out.write(READY)
        out.flush()
        verdict, count, picture = _answer(pdfium, order)
        width, height, rgb = picture or Picture(0, 0, b"")
        out.write(ANSWER.pack(verdict, count, width, height))
        out.write(rgb)
    os._exit(0)


def _answer(pdfium: Any, order: Order) -> tuple[Verdict, int, Picture | None]:
    try:
        data = _content(order.size)
    except OSError:
        return Verdict.UNREADABLE, 0, None
    try:
        count, picture = draw(pdfium, data, order)
    except Refused as refused:
        return refused.verdict, refused.page_count, None
    except MemoryError:
        return Verdict.NO_MEMORY, 0, None
    return Verdict.DONE, count, picture


def _content(size: int) -> bytes:
    """The document, read at offsets: the place in it is shared with all who have it open."""
    parts: list[bytes] = []
    at = 0
    while at < size and (part := os.pread(0, size - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main(sys.argv[1:])
