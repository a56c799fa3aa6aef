"""What stands in for the rest of the world while cases run: the set's own files, and its tasks."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.enums import FailureReason
from shared.schemas import TaskResponse
from worker.config import Settings
from worker.errors import Reject
from worker.files.documents import DocumentFolder, DocumentLimits
from worker.files.images import ImageFolder
from worker.handlers.handler import DocumentSource, ImageSource
from worker.llm.chat import PreparedImage
from worker.workshop import NoDocuments


@dataclass(frozen=True, slots=True)
class Sources:
    """The pictures and documents of a set."""

    images: ImageSource
    documents: DocumentSource


class NoImages:
    """Where there are no pictures at all."""

    async def load(self, path: str) -> PreparedImage:
        """Refuse."""
        raise Reject(FailureReason.INVALID_IMAGE, f"image_path {path!r:.200}: no images/ here")


@contextmanager
def sources_of(folder: Path, settings: Settings) -> Generator[Sources]:
    """What the payloads of a set may point at: files below its `images/` and `documents/`."""
    pixels = settings.image_max_pixels
    images = ImageFolder(folder / "images", settings.image_max_bytes, max_pixels=pixels)
    documents = DocumentFolder(
        folder / "documents",
        DocumentLimits(settings.document_max_bytes, settings.document_max_pages, pixels),
    )
    try:
        yield Sources(
            images if (folder / "images").is_dir() else NoImages(),
            documents if (folder / "documents").is_dir() else NoDocuments(),
        )
    finally:
        images.close()
        documents.close()


@dataclass(frozen=True, slots=True)
class CaseCore:
    """The Core of one case: it has the case's tasks."""

    tasks: tuple[TaskResponse, ...]

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """The tasks of the case that are this user's."""
        return [task for task in self.tasks if task.owner_user_id == user_id]
