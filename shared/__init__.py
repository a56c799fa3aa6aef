"""The wire contract between producers, Core and the worker. Imports nothing of the worker."""

from shared.enums import (
    EventSource,
    FailureReason,
    Intent,
    JobStatus,
    JobType,
    TagStatus,
    TaskState,
)
from shared.events import EventError, EventName, JobEvent, decode_event, encode_event
from shared.redis_streams import (
    GROUP,
    EntryError,
    JobEntry,
    Keys,
    create_consumer_group,
    decode_entry,
    encode_entry,
    publish,
)
from shared.schemas import (
    PAYLOADS,
    RESULTS,
    EventCreate,
    LLMJobCreate,
    LLMJobUpdate,
    TagsAddRequest,
    TaskResponse,
)

__all__ = [
    "GROUP",
    "PAYLOADS",
    "RESULTS",
    "EntryError",
    "EventCreate",
    "EventError",
    "EventName",
    "EventSource",
    "FailureReason",
    "Intent",
    "JobEntry",
    "JobEvent",
    "JobStatus",
    "JobType",
    "Keys",
    "LLMJobCreate",
    "LLMJobUpdate",
    "TagStatus",
    "TagsAddRequest",
    "TaskResponse",
    "TaskState",
    "create_consumer_group",
    "decode_entry",
    "decode_event",
    "encode_entry",
    "encode_event",
    "publish",
]
