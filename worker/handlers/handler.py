"""What a handler is, and what it may use: values in, an outcome out, nothing changed anywhere."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from shared.enums import JobType
from shared.schemas import Payload, TaskResponse
from worker.errors import Service
from worker.llm.chat import PreparedImage
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


@dataclass(frozen=True, slots=True)
class Tools:
    """What a handler works with, made anew for each job."""

    ask: Asker
    core: CoreReader
    images: ImageSource
    user_id: int | None
    enqueued_at: datetime
    """When the job was appended (from its entry id, UTC): the same on every retry."""


@dataclass(frozen=True, slots=True)
class Handler(Generic[P]):
    """One job type: what comes in and who answers it."""

    job_type: JobType
    payload: type[P]
    run: Callable[[P, Tools], Awaitable[Completed]]
    needs: tuple[Service, ...] = (Service.MODEL,)
    """What it asks; while one of them is away, no job of this type is claimed."""
