"""Documents for the model: opened as safely as pictures, each page a picture of its own.

What a producer's path leads to ends as pages or as a sentence for a person. The worker itself
never looks into a document: that is done where it can only hurt itself, see `pdf_pages`.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from shared.enums import FailureReason
from worker.errors import Reject
from worker.files.image_files import OpenFile, UnusableFile, open_below
from worker.files.images import encode, shown
from worker.files.page_renderer import Answer, Death, PageRenderer
from worker.files.pdf_pages import Picture, Verdict
from worker.llm.chat import PreparedImage

_THREADS = 2


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What is taken and what is made of it."""

    file_bytes: int = 50 * 1024 * 1024
    pages: int = 100
    """Pages of one document that may be asked for at once."""
    pixels: int = 1_048_576
    """Width times height of a page's picture, at most."""
    page_timeout_s: float = 20.0


class OpenDocument:
    """A document whose pages can be looked at, in any order and at once."""

    def __init__(
        self,
        file: OpenFile,
        page_count: int,
        limits: DocumentLimits,
        renderer: PageRenderer,
        threads: ThreadPoolExecutor,
    ) -> None:
        self._file = file
        self._page_count = page_count
        self._limits = limits
        self._renderer = renderer
        self._threads = threads

    @property
    def page_count(self) -> int:
        """How many pages it has."""
        return self._page_count

    @property
    def pages_max(self) -> int:
        """How many of them may be asked for."""
        return self._limits.pages

    async def page(self, number: int) -> PreparedImage:
        """The page as a picture, counted from 1.

        Raises:
            Reject: this page cannot be shown; the others may.
            Retryable: no process could be started, or the disk failed.
        """
        if not 1 <= number <= self._page_count:
            answer = Answer(Verdict.NO_SUCH_PAGE, self._page_count)
        else:
            answer = await self._renderer.render(self._file, number)
        if answer.picture is None:
            why = _why(answer, self._limits)
            raise Reject(FailureReason.INVALID_DOCUMENT, f"page {number} {why}")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _encoded, answer.picture)


class DocumentFolder:
    """The PDFs below one folder (`IMAGE_STORAGE_PATH`); the `DocumentSource` of the handlers.

    Files are opened and pages encoded in two threads of its own, pages drawn in two processes at
    once: documents wait for one another, the event loop waits for none.
    """

    def __init__(self, root: Path, limits: DocumentLimits | None = None) -> None:
        self._root = root.absolute()
        self._limits = limits or DocumentLimits()
        self._renderer = PageRenderer(self._limits.pixels, self._limits.page_timeout_s)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="documents")

    @asynccontextmanager
    async def open(self, path: str) -> AsyncGenerator[OpenDocument]:
        """Open and check the document at `path`, relative to the folder or inside it.

        Raises (on entering):
            Reject: there is no usable document there; the message is for a person.
            Retryable: the file system failed, or no process could be started.
            Halt: the folder itself is missing or closed to this worker.
        """
        try:
            file = await self._open(path)
        except UnusableFile as error:
            raise _refusal(path, str(error)) from error
        try:
            answer = await self._renderer.render(file, 0)
            if answer.outcome is not Verdict.DONE:
                raise _refusal(path, _why(answer, self._limits))
            yield OpenDocument(file, answer.page_count, self._limits, self._renderer, self._threads)
        finally:
            os.close(file.descriptor)

    def close(self) -> None:
        """Drop what waits for a thread and return when the two at work are done."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _open(self, path: str) -> OpenFile:
        opening = self._threads.submit(open_below, self._root, path, self._limits.file_bytes)
        try:
            return await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)  # its thread goes on to the end
            raise


def _close_unwanted(opening: Future[OpenFile]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        os.close(opening.result().descriptor)


def _encoded(picture: Picture) -> PreparedImage:
    return encode(Image.frombytes("RGB", (picture.width, picture.height), picture.rgb))


def _refusal(path: str, why: str) -> Reject:
    return Reject(FailureReason.INVALID_DOCUMENT, f"document_path {shown(path)} {why}")


def _why(answer: Answer, limits: DocumentLimits) -> str:
    """Continues a sentence that begins with the document or the page."""
    match answer.outcome:
        case Verdict.NO_SUCH_PAGE:
            return f"does not exist: the document has {answer.page_count:,} pages"
        case Death.TOO_SLOW:
            return f"takes the PDF reader more than {limits.page_timeout_s:g} seconds"
        case outcome:
            return _SENTENCES.get(outcome, "cannot be read")


_SENTENCES: dict[Verdict | Death, str] = {
    Verdict.NOT_PDF: "is not a PDF",
    Verdict.DAMAGED: "is a PDF that cannot be read: damaged or cut short",
    Verdict.LOCKED: "is protected by a password",
    Verdict.NO_PAGES: "is a PDF without pages",
    Verdict.PAGE_DAMAGED: "cannot be read: it is damaged",
    Verdict.PAGE_TOO_LARGE: "has a size that no paper has",
    Verdict.NO_MEMORY: "needs too much memory",
    Death.CRASHED: "makes the PDF reader crash",
}
