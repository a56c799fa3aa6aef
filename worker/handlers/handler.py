"""What a handler is, and what it may use: values in, an outcome out, nothing changed anywhere."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from shared.enums import JobType
from shared.schemas import Payload, TaskResponse
from worker.errors import Service
from worker.llm.chat import ModelRole, PreparedImage
from worker.llm.structured import Asker
from worker.outcome import Completed

P = TypeVar("P", bound=Payload)


class CoreReader(Protocol):
    """What handlers may read from Core."""

    async def open_tasks(self, user_id: int) -> list[TaskResponse]:
        """The user's tasks that are not done.

        Raises:
            Retryable, Snooze, Reject, Halt: see `worker.errors`.
        """
        ...


class ImageSource(Protocol):
    """Where handlers get pictures from."""

    async def load(self, path: str) -> PreparedImage:
        """Open, check and shrink the picture at `path`, relative to the image folder.

        Raises:
            Reject: there is no usable picture there; the message is for a person.
        """
        ...


class Document(Protocol):
    """An open document whose pages can be looked at, in any order and at once."""

    @property
    def page_count(self) -> int:
        """How many pages it has."""
        ...

    @property
    def pages_max(self) -> int:
        """How many of them may be asked for."""
        ...

    async def page(self, number: int) -> PreparedImage:
        """The page as a picture, counted from 1.

        Raises:
            Reject: this page cannot be shown; the others may.
        """
        ...


class DocumentSource(Protocol):
    """Where handlers get documents from."""

    def open(self, path: str) -> AbstractAsyncContextManager[Document]:
        """Open and check the document at `path`, relative to the image folder.

        Raises (on entering):
            Reject: there is no usable document there; the message is for a person.
        """
        ...


@dataclass(slots=True)  # as `Asker`
class Tools:
    """What a handler works with, made anew for each try of a job.

    Attributes:
        kept: what an earlier try of this job in this process has put here.
        vocabulary: the tags that may be given where a payload brings no list of its own.
    """

    ask: Asker
    core: CoreReader
    images: ImageSource
    documents: DocumentSource
    user_id: int | None
    enqueued_at: datetime
    """When the job was appended (from its entry id, UTC): the same on every retry."""
    kept: dict[str, object] = field(default_factory=dict[str, object])
    vocabulary: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Handler(Generic[P]):
    """One job type: what comes in and who answers it."""

    job_type: JobType
    payload: type[P]
    run: Callable[[P, Tools], Awaitable[Completed]]
    needs: tuple[Service, ...] = (Service.MODEL,)
    """What it asks; while one of them is away, no job of this type is claimed."""
    role: ModelRole = ModelRole.TEXT
    """Which model it asks."""
