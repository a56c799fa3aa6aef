"""What each job type is asked with; payloads come from producers and are checked at the door."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import (
    AwareDatetime,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    field_validator,
)

from shared.enums import JobType
from shared.fields import FilePath, PageNumber, RecordId, ShortText, Text, Vocabulary, Wire


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
