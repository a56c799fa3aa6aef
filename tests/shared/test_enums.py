"""Wire values are stored for years: a rename here is somebody's unreadable row."""

from enum import StrEnum

import pytest

from shared.enums import (
    EventSource,
    FailureReason,
    Intent,
    JobStatus,
    JobType,
    TagStatus,
    TaskState,
)

PINNED: list[tuple[type[StrEnum], str]] = [
    (
        JobType,
        "image_tag text_tag email_extract task_match intent_classify followup extract",
    ),
    (JobStatus, "queued processing completed failed"),
    (TagStatus, "suggested confirmed"),
    (TaskState, "NOT_DONE DONE"),
    (Intent, "memory_search task_lookup reminder_check event_search ambiguous"),
    (EventSource, "email"),
    (
        FailureReason,
        """malformed_entry invalid_payload unknown_job_type expired poison invalid_image
        model_refused invalid_answer core_rejected attempts_exhausted bug""",
    ),
]


@pytest.mark.parametrize(("enum", "values"), PINNED, ids=lambda x: getattr(x, "__name__", None))
def test_no_wire_value_is_renamed(enum: type[StrEnum], values: str) -> None:
    """Every value that was ever written is still there, under the name that belongs to it."""
    for value in values.split():
        assert enum(value).name == value.upper()


def test_only_two_statuses_are_final() -> None:
    """Nothing may follow `completed` and `failed`; the others are on the way."""
    assert {status for status in JobStatus if status.is_final} == {"completed", "failed"}
