"""document: the pages of a PDF as Markdown, in the order they were asked for.

A page that cannot be read is named in the result and costs the others nothing. What has been read
is kept while the job is held, so a second try asks only for what is missing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from shared.enums import FailureReason, JobType
from shared.schemas import DocumentPage, DocumentPayload, DocumentResult, FailedPage
from worker.errors import Reject, Retryable
from worker.handlers.handler import Document, Handler, Tools
from worker.handlers.wording import wording
from worker.llm.chat import ModelRole
from worker.llm.structured import model_question
from worker.outcome import Completed, completed
from worker.untrusted.markdown import leading_nowhere

PAGES_AT_ONCE = 4
MORE_TRIES = 2
"""How often a job goes back for pages that a passing trouble has cost; then they have failed."""
WORDING = wording("document")
REQUEST = "Copy this page."


class PageText(BaseModel):
    """What the model says."""

    markdown: Annotated[str, StringConstraints(max_length=20_000)]


QUESTION = model_question("document_page", PageText, 4_096)


@dataclass(frozen=True, slots=True)
class _Unread:
    """A page without an answer, and why."""

    page: int
    error: Retryable | Reject

    @property
    def may_pass(self) -> bool:
        """Whether another try may help; a bad answer has been asked for twice already."""
        error = self.error
        return isinstance(error, Retryable) and error.reason is not FailureReason.INVALID_ANSWER


async def read_document(payload: DocumentPayload, tools: Tools) -> Completed:
    """Read the pages.

    Raises:
        Reject: the document cannot be opened, or none of its pages can be read.
        Retryable: a page may be read at another try, or none gave a usable answer.
    """
    async with tools.documents.open(payload.document_path) as document:
        wanted = _wanted(payload, document)
        found = await _side_by_side(wanted, document, tools)
        page_count = document.page_count
    pages = [page for page in found if isinstance(page, DocumentPage)]
    unread = [page for page in found if isinstance(page, _Unread)]
    if unread and not pages:
        raise unread[0].error
    passing = [page for page in unread if page.may_pass]
    if passing and _goes_back(tools.kept):
        raise passing[0].error
    failed = [FailedPage(page=page.page, reason=str(page.error)[:2_000]) for page in unread]
    return completed(DocumentResult(page_count=page_count, pages=pages, failed_pages=failed))


def _wanted(payload: DocumentPayload, document: Document) -> Sequence[int]:
    wanted = payload.pages or range(1, document.page_count + 1)
    if len(wanted) > document.pages_max:
        message = (
            f"{len(wanted):,} of the document's {document.page_count:,} pages are asked for, "
            f"{document.pages_max:,} are allowed: choose some with 'pages'"
        )
        raise Reject(FailureReason.INVALID_PAYLOAD, message)
    return wanted


async def _side_by_side(
    wanted: Sequence[int], document: Document, tools: Tools
) -> list[DocumentPage | _Unread]:
    """Read the pages, a few at once; the first error that concerns them all ends them all."""
    left = iter(wanted)
    found: dict[int, DocumentPage | _Unread] = {}

    async def one_after_the_other() -> None:
        for number in left:
            found[number] = await _read(number, document, tools)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(PAGES_AT_ONCE):
                group.create_task(one_after_the_other())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [found[number] for number in wanted]


async def _read(number: int, document: Document, tools: Tools) -> DocumentPage | _Unread:
    kept = tools.kept.get(f"page {number}")
    if isinstance(kept, DocumentPage):
        return kept
    try:
        image = await document.page(number)
        said = await tools.ask(QUESTION, WORDING.prompt(REQUEST, image))
    except (Retryable, Reject) as error:
        if isinstance(error, Reject) and error.reason is FailureReason.EXPIRED:
            raise  # for every page there is
        return _Unread(number, error)
    page = DocumentPage(page=number, markdown=leading_nowhere(said.markdown))
    tools.kept[f"page {number}"] = page
    return page


def _goes_back(kept: dict[str, object]) -> bool:
    """Whether the job has another try for the sake of its missing pages; takes one."""
    taken = kept.get("tries for pages", 0)
    if not isinstance(taken, int) or taken >= MORE_TRIES:
        return False
    kept["tries for pages"] = taken + 1
    return True


HANDLER = Handler(JobType.DOCUMENT, DocumentPayload, read_document, role=ModelRole.VISION)
