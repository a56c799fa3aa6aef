"""Payload and result of each job type, and the bodies Core's REST API takes and gives.

Payloads come from producers and are checked at the door. Results are what the worker PATCHes to
Core. Lengths are bounded everywhere: what has no bound is somebody's outage.
"""

from datetime import date
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    field_validator,
    model_validator,
)

from shared.enums import EventSource, Intent, JobStatus, JobType, TagStatus, TaskState


def _no_dot_segment(value: str) -> str:
    if value in {".", ".."}:  # in a path these would name another record
        raise ValueError("'.' and '..' are no ids")
    return value


RecordId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^/?#\s]+$"),
    AfterValidator(_no_dot_segment),
]
"""An id as it stands in Core's paths: no separator, no white space."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Vocabulary = Annotated[tuple[Tag, ...], Field(min_length=1, max_length=500)]
FilePath = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
PageNumber = Annotated[int, Field(ge=1, le=100_000)]
Confidence = Annotated[float, Field(ge=0, le=1)]


class Wire(BaseModel):
    """What travels between services: immutable, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


# ----------------------------------------------------------------------------- payloads


class ImageTagPayload(Wire):
    """Describe and tag a picture that lies under the worker's image folder."""

    memory_id: RecordId
    image_path: FilePath
    vocabulary: Vocabulary | None = None
    """The only tags that may be given; `TAG_VOCABULARY_FILE` of the worker when absent."""


class TextTagPayload(Wire):
    """Tag a text."""

    memory_id: RecordId
    content: Text
    vocabulary: Vocabulary | None = None
    """The only tags that may be given; `TAG_VOCABULARY_FILE` of the worker when absent."""


class EmailExtractPayload(Wire):
    """Find the events an email speaks of."""

    subject: Annotated[str, StringConstraints(max_length=2_000)]
    body: Text
    received_at: AwareDatetime | None = None
    """When the email arrived (RFC 3339): what "tomorrow" in it is counted from."""
    timezone: str | None = None
    """The reader's zone, an IANA name such as `Europe/Athens`."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (KeyError, ValueError, OSError):
                raise ValueError(f"{name!r:.80} is not an IANA time zone") from None
        return name


class TaskMatchPayload(Wire):
    """Find the open task that a memory shows to be done."""

    memory_id: RecordId
    memory_content: Text


class IntentClassifyPayload(Wire):
    """Tell what a query is after."""

    query: ShortText


class FollowupPayload(Wire):
    """Ask the one question that makes a message clear."""

    message: Text
    context: Annotated[str, StringConstraints(max_length=200_000)] | None = None


class ExtractPayload(Wire):
    """Read a value of the caller's own JSON Schema out of a text."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, serialize_by_alias=True
    )

    text: Text
    json_schema: dict[str, JsonValue] = Field(alias="schema")
    instructions: Annotated[str, StringConstraints(max_length=8_000)] | None = None


class DocumentPayload(Wire):
    """Read the pages of a PDF that lies under the worker's image folder."""

    document_path: FilePath
    pages: Annotated[tuple[PageNumber, ...], Field(min_length=1, max_length=500)] | None = None
    """Which pages, counted from 1, in the order they are wanted; all when absent."""

    @field_validator("pages")
    @classmethod
    def _each_once(cls, pages: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return None if pages is None else tuple(dict.fromkeys(pages))


Payload = (
    ImageTagPayload
    | TextTagPayload
    | EmailExtractPayload
    | TaskMatchPayload
    | IntentClassifyPayload
    | FollowupPayload
    | ExtractPayload
    | DocumentPayload
)

PAYLOADS: dict[JobType, type[Payload]] = {
    JobType.IMAGE_TAG: ImageTagPayload,
    JobType.TEXT_TAG: TextTagPayload,
    JobType.EMAIL_EXTRACT: EmailExtractPayload,
    JobType.TASK_MATCH: TaskMatchPayload,
    JobType.INTENT_CLASSIFY: IntentClassifyPayload,
    JobType.FOLLOWUP: FollowupPayload,
    JobType.EXTRACT: ExtractPayload,
    JobType.DOCUMENT: DocumentPayload,
}


# ------------------------------------------------------------------------------ results


class ModelUsage(Wire):
    """What one model had to do with a job."""

    provider: str
    model: str
    calls: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    cost: float | None = None
    """In the currency of the worker's price list; absent when the list does not name the model."""


class UsageReport(Wire):
    """What a job has cost: every call of the worker that answered it, re-asks included."""

    calls: int
    reasks: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    cost: float | None = None
    """The sum over `models`; absent when the price of one of them is not known."""
    llm_s: float
    models: list[ModelUsage]


class JobResult(Wire):
    """What every result may say beside its answer."""

    truncated_input: bool = False
    """Whether parts of the input were left out because the model could not take all of it."""
    usage: UsageReport | None = None


class ImageTagResult(JobResult):
    """What a picture shows."""

    memory_id: RecordId
    description: ShortText
    tags: list[Tag]


class TextTagResult(JobResult):
    """What a text is about."""

    memory_id: RecordId
    tags: list[Tag]


class ExtractedEvent(Wire):
    """One event found in an email."""

    description: ShortText
    event_time: AwareDatetime | date
    """With offset, or a plain date when the event fills the day."""
    confidence: Confidence
    evidence: ShortText
    """The words of the email it rests on."""


class EmailExtractResult(JobResult):
    """Every event found in an email, possibly none."""

    events: list[ExtractedEvent]
    dropped: int = 0
    """Events that the model named and that were left out because they did not hold."""


class TaskMatchResult(JobResult):
    """The open task a memory completes; `task_id` is null when there is none."""

    memory_id: RecordId
    task_id: RecordId | None
    task_description: str | None = None
    confidence: Confidence | None = None

    @model_validator(mode="after")
    def _match_is_whole(self) -> Self:
        if self.task_id is not None and (self.task_description is None or self.confidence is None):
            raise ValueError("a matched task needs its description and a confidence")
        return self


class IntentClassifyResult(JobResult):
    """What a query is after, and its key words."""

    query: ShortText
    intent: Intent
    keywords: list[Tag]


class FollowupResult(JobResult):
    """One clarifying question."""

    question: ShortText


class ExtractResult(JobResult):
    """A value that fits the caller's schema."""

    data: JsonValue


class DocumentPage(Wire):
    """One page as Markdown; empty when there is nothing on it."""

    page: PageNumber
    markdown: str


class FailedPage(Wire):
    """A page that could not be read."""

    page: PageNumber
    reason: ShortText


class DocumentResult(JobResult):
    """The pages that were wanted, in the order they were wanted."""

    page_count: int
    """How many pages the document has."""
    pages: list[DocumentPage]
    failed_pages: list[FailedPage] = []


Result = (
    ImageTagResult
    | TextTagResult
    | EmailExtractResult
    | TaskMatchResult
    | IntentClassifyResult
    | FollowupResult
    | ExtractResult
    | DocumentResult
)

RESULTS: dict[JobType, type[Result]] = {
    JobType.IMAGE_TAG: ImageTagResult,
    JobType.TEXT_TAG: TextTagResult,
    JobType.EMAIL_EXTRACT: EmailExtractResult,
    JobType.TASK_MATCH: TaskMatchResult,
    JobType.INTENT_CLASSIFY: IntentClassifyResult,
    JobType.FOLLOWUP: FollowupResult,
    JobType.EXTRACT: ExtractResult,
    JobType.DOCUMENT: DocumentResult,
}


# ----------------------------------------------------------------------- Core's REST API


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
