"""document: the pages of a PDF as Markdown."""

from shared.enums import FailureReason, JobType
from shared.schemas import DocumentPayload
from worker.errors import Reject
from worker.handlers.handler import Handler, Tools
from worker.outcome import Completed


async def read_document(payload: DocumentPayload, tools: Tools) -> Completed:
    """Read the pages."""
    async with tools.documents.open(payload.document_path):
        raise Reject(FailureReason.INVALID_IMAGE, "not yet")


HANDLER = Handler(JobType.DOCUMENT, DocumentPayload, read_document)
