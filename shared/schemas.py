"""The bodies Core's REST API takes and gives; payloads and results, under one roof with them."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from shared.enums import EventSource, JobStatus, JobType, TagStatus, TaskState
from shared.fields import Confidence, RecordId, ShortText, Tag, Text, Wire
from shared.payloads import (
    PAYLOADS,
    DocumentPayload,
    EmailExtractPayload,
    ExtractPayload,
    FollowupPayload,
    ImageTagPayload,
    IntentClassifyPayload,
    Payload,
    TaskMatchPayload,
    TextTagPayload,
)
from shared.results import (
    RESULTS,
    DocumentPage,
    DocumentResult,
    EmailExtractResult,
    ExtractedEvent,
    ExtractResult,
    FailedPage,
    FollowupResult,
    ImageTagResult,
    IntentClassifyResult,
    JobResult,
    ModelUsage,
    Result,
    TaskMatchResult,
    TextTagResult,
    UsageReport,
)

__all__ = [
    "PAYLOADS",
    "RESULTS",
    "Confidence",
    "DocumentPage",
    "DocumentPayload",
    "DocumentResult",
    "EmailExtractPayload",
    "EmailExtractResult",
    "EventCreate",
    "ExtractPayload",
    "ExtractResult",
    "ExtractedEvent",
    "FailedPage",
    "FollowupPayload",
    "FollowupResult",
    "ImageTagPayload",
    "ImageTagResult",
    "IntentClassifyPayload",
    "IntentClassifyResult",
    "JobResult",
    "LLMJobCreate",
    "LLMJobUpdate",
    "ModelUsage",
    "Payload",
    "RecordId",
    "Result",
    "ShortText",
    "Tag",
    "TagsAddRequest",
    "TaskMatchPayload",
    "TaskMatchResult",
    "TaskResponse",
    "Text",
    "TextTagPayload",
    "TextTagResult",
    "UsageReport",
    "Wire",
]


class LLMJobUpdate(Wire):
    """Body of `PATCH /llm_jobs/{job_id}`; absent fields are left out of the JSON."""

    status: Literal[JobStatus.PROCESSING, JobStatus.COMPLETED, JobStatus.FAILED]
    result: dict[str, Any] | None = None
    error_message: Annotated[str, StringConstraints(max_length=2_000)] | None = None


class LLMJobCreate(Wire):
    """Body of `POST /llm_jobs`: Core makes the job and publishes it to its stream."""

    job_type: JobType
    payload: dict[str, Any]
    user_id: int | None = None
    job_id: RecordId | None = None
    deadline: AwareDatetime | None = None
    tenant: RecordId | None = None


class TagsAddRequest(Wire):
    """Body of `POST /memories/{memory_id}/tags`."""

    tags: Annotated[list[Tag], Field(min_length=1, max_length=20)]
    status: TagStatus = TagStatus.SUGGESTED


class EventCreate(Wire):
    """Body of `POST /events`."""

    owner_user_id: int
    event_time: AwareDatetime | date
    description: ShortText
    source_type: EventSource = EventSource.EMAIL


class TaskResponse(Wire):
    """One item of `GET /tasks?owner_user_id=…&state=NOT_DONE`."""

    id: RecordId
    description: str
    owner_user_id: int
    state: TaskState = TaskState.NOT_DONE
