"""Wire values. They are stored in streams and databases: add to them, never rename one."""

from enum import StrEnum


class JobType(StrEnum):
    """What a job asks for; also the last part of its stream's name."""

    IMAGE_TAG = "image_tag"
    TEXT_TAG = "text_tag"
    EMAIL_EXTRACT = "email_extract"
    TASK_MATCH = "task_match"
    INTENT_CLASSIFY = "intent_classify"
    FOLLOWUP = "followup"
    EXTRACT = "extract"
    DOCUMENT = "document"


class JobStatus(StrEnum):
    """Where a job stands, as Core keeps it."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing may follow this status."""
        return self in {JobStatus.COMPLETED, JobStatus.FAILED}


class TagStatus(StrEnum):
    """Who stands behind a tag."""

    SUGGESTED = "suggested"
    CONFIRMED = "confirmed"


class TaskState(StrEnum):
    """Whether a task still waits to be done."""

    NOT_DONE = "NOT_DONE"
    DONE = "DONE"


class Intent(StrEnum):
    """What a user's query is after."""

    MEMORY_SEARCH = "memory_search"
    TASK_LOOKUP = "task_lookup"
    REMINDER_CHECK = "reminder_check"
    EVENT_SEARCH = "event_search"
    AMBIGUOUS = "ambiguous"


class EventSource(StrEnum):
    """Where an event was found."""

    EMAIL = "email"


class FailureReason(StrEnum):
    """Why a job ended in the dead letters; `dead_reason` there, and the log's `reason`."""

    MALFORMED_ENTRY = "malformed_entry"
    """The entry has no usable job id, or fields that cannot be read."""
    INVALID_PAYLOAD = "invalid_payload"
    """The payload is not a JSON object, is too large, or fails its job type's schema."""
    UNKNOWN_JOB_TYPE = "unknown_job_type"
    """The stream's name ends in no job type this worker knows."""
    EXPIRED = "expired"
    """The job's deadline passed before its answer was there."""
    POISON = "poison"
    """Delivered again and again without an answer: it takes its workers down."""
    INVALID_IMAGE = "invalid_image"
    """The picture is missing, outside the image folder, unreadable or too large."""
    INVALID_DOCUMENT = "invalid_document"
    """The document is missing, outside the image folder, no PDF, or damaged."""
    MODEL_REFUSED = "model_refused"
    """The model server will never take this request (for example an over-long prompt)."""
    INVALID_ANSWER = "invalid_answer"
    """The model answered, but not with a usable value, in every attempt."""
    CORE_REJECTED = "core_rejected"
    """Core answered that it will never take this result (404, 409, 422 …)."""
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    """Every attempt failed for a passing reason, and there are none left."""
    CANCELLED = "cancelled"
    """Somebody did not want it any more: `llm-worker cancel`."""
    BUG = "bug"
    """A handler raised something it should not have; the traceback is in the log."""
