"""What each job type answers with; the worker PATCHes it to Core."""

from datetime import date
from typing import Self

from pydantic import AwareDatetime, Field, JsonValue, model_validator

from shared.enums import Intent, JobType
from shared.fields import Confidence, PageNumber, RecordId, ShortText, Tag, Wire


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
    failed_pages: list[FailedPage] = Field(default_factory=list[FailedPage])


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
