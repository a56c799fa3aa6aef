"""What handlers work with, and how a job's slot follows its work.

A slot is for the model's time: while a handler prepares a picture or reads from Core, somebody else
has it.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from shared.enums import FailureReason, JobType
from shared.schemas import TaskResponse
from worker.errors import Reject
from worker.handlers.handler import (
    CoreReader,
    Document,
    DocumentSource,
    Handler,
    ImageSource,
    Tools,
)
from worker.job import Job
from worker.llm.chat import LLM, PreparedImage
from worker.llm.prices import NO_PRICES, Prices
from worker.llm.structured import Asker
from worker.slots import Seat


class Core(CoreReader, Protocol):
    """The part of Core that is used before there is an outcome."""

    async def mark_processing(self, job_id: str) -> None:
        """Tell Core that work has begun."""
        ...


class NoDocuments:
    """Where there are no documents at all."""

    @asynccontextmanager
    async def open(self, path: str) -> AsyncGenerator[Document]:
        """Refuse."""
        message = f"document_path {path!r:.200}: no documents here"
        raise Reject(FailureReason.INVALID_DOCUMENT, message)
        yield  # pyright: ignore[reportUnreachable] -- makes it a generator


@dataclass(frozen=True, slots=True)
class Workshop:
    """What handlers work with; shared by all jobs.

    Attributes:
        vocabulary: the tags that may be given, where a payload does not say.
        prices: what calls cost.
        text_timeout_s: one total for each call without a picture.
        vision_timeout_s: one total for each call with a picture.
        priorities: by job type, for servers that have some; else 0.
    """

    handlers: Mapping[JobType, Handler[Any]]
    llm: LLM
    core: Core
    images: ImageSource
    documents: DocumentSource = field(default_factory=NoDocuments)
    vocabulary: tuple[str, ...] | None = None
    prices: Prices = NO_PRICES
    text_timeout_s: float = 60.0
    vision_timeout_s: float = 120.0
    priorities: Mapping[str, int] = field(default_factory=dict[str, int])

    def tools(
        self,
        job: Job,
        seat: Seat,
        time_left: Callable[[], float | None],
        answered: Callable[[], None] = lambda: None,
    ) -> Tools:
        """The tools for one try of one job; `answered` is told of each answer of the model."""
        ask = Asker(
            llm=self.llm,
            usage=job.usage,
            request_id=f"{job.job_id}-{job.entry.entry_id}",
            text_timeout_s=self.text_timeout_s,
            vision_timeout_s=self.vision_timeout_s,
            time_left=time_left,
            priority=self.priorities.get(job.entry.job_type, 0),
            slot=seat.working,
            answered=answered,
        )
        return Tools(
            ask=ask,
            core=_CoreAside(self.core, seat),
            images=_ImagesAside(self.images, seat),
            documents=_DocumentsAside(self.documents, seat),
            user_id=None if job.facts is None else job.facts.user_id,
            enqueued_at=datetime.fromtimestamp(job.entry.enqueued_s, tz=UTC),
            kept=job.kept,
            vocabulary=self.vocabulary,
        )


@dataclass(slots=True)
class _CoreAside:
    """Core, read without a slot."""

    core: CoreReader
    seat: Seat

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """As `CoreReader` says."""
        async with self.seat.aside():
            return await self.core.open_tasks(user_id)


@dataclass(slots=True)
class _ImagesAside:
    """Pictures, prepared without a slot."""

    images: ImageSource
    seat: Seat

    async def load(self, path: str) -> PreparedImage:
        """As `ImageSource` says."""
        async with self.seat.aside():
            return await self.images.load(path)


@dataclass(slots=True)
class _DocumentsAside:
    """Documents, opened and looked at without a slot."""

    documents: DocumentSource
    seat: Seat

    def open(self, path: str) -> AbstractAsyncContextManager[Document]:
        """As `DocumentSource` says."""
        return self._open(path)

    @asynccontextmanager
    async def _open(self, path: str) -> AsyncGenerator[Document]:
        async with AsyncExitStack() as stack:
            async with self.seat.aside():
                document = await stack.enter_async_context(self.documents.open(path))
            yield _DocumentAside(document, self.seat)


@dataclass(frozen=True, slots=True)
class _DocumentAside:
    """A document; what its pages are being drawn for counts as work, or a worker with a slot free
    would take every document there is.
    """

    document: Document
    seat: Seat

    @property
    def page_count(self) -> int:
        """As `Document` says."""
        return self.document.page_count

    @property
    def pages_max(self) -> int:
        """As `Document` says."""
        return self.document.pages_max

    async def page(self, number: int) -> PreparedImage:
        """As `Document` says."""
        async with self.seat.aside():
            return await self.document.page(number)
