"""Payloads, results and Core's bodies: what is let in, what is not, and how it looks outside."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.enums import JobStatus, JobType
from shared.schemas import (
    PAYLOADS,
    RESULTS,
    EmailExtractPayload,
    EventCreate,
    ExtractedEvent,
    ExtractPayload,
    ImageTagPayload,
    LLMJobUpdate,
    TagsAddRequest,
    TaskMatchResult,
    TaskResponse,
    TextTagPayload,
    Wire,
)

MAIL = {"subject": "", "body": "x"}
EVENT = {"owner_user_id": 1, "event_time": "2026-06-01", "description": "x"}


@pytest.mark.parametrize("job_type", JobType)
def test_every_job_type_has_a_payload_and_a_result(job_type: JobType) -> None:
    """A new job type is known on both sides, or this is red."""
    assert issubclass(PAYLOADS[job_type], Wire)
    assert issubclass(RESULTS[job_type], Wire)
    assert PAYLOADS[job_type].__name__.removesuffix("Payload") == RESULTS[
        job_type
    ].__name__.removesuffix("Result")


@pytest.mark.parametrize("model", [*PAYLOADS.values(), *RESULTS.values()])
def test_every_text_has_a_bound(model: type[BaseModel]) -> None:
    """What has no bound is somebody's outage; the zone and the task's words are bound elsewhere."""
    for name, schema in model.model_json_schema().get("properties", {}).items():
        kinds = [schema, *schema.get("anyOf", [])]
        texts = [kind for kind in kinds if kind.get("type") == "string" and "format" not in kind]
        bound = all("maxLength" in kind or "enum" in kind for kind in texts)
        assert bound or name in {"timezone", "task_description"}


@pytest.mark.parametrize(
    ("model", "body", "field"),
    [
        (TextTagPayload, {"memory_id": "m"}, "content"),
        (TextTagPayload, {"memory_id": "m", "content": ""}, "content"),
        (TextTagPayload, {"memory_id": "m", "content": "x" * 200_001}, "content"),
        (TextTagPayload, {"memory_id": "", "content": "x"}, "memory_id"),
        (TextTagPayload, {"memory_id": "a/b", "content": "x"}, "memory_id"),
        (TextTagPayload, {"memory_id": "a b", "content": "x"}, "memory_id"),
        (TextTagPayload, {"memory_id": "..", "content": "x"}, "memory_id"),
        (TextTagPayload, {"memory_id": "m\n", "content": "x"}, "memory_id"),
        (TextTagPayload, {"memory_id": 7, "content": "x"}, "memory_id"),
        (ImageTagPayload, {"memory_id": "m", "image_path": ""}, "image_path"),
        (EmailExtractPayload, MAIL | {"received_at": "2026-05-04T12:00:00"}, "received_at"),
        (EmailExtractPayload, MAIL | {"timezone": "Mars/Olympus"}, "timezone"),
        (EmailExtractPayload, MAIL | {"timezone": "../../etc/passwd"}, "timezone"),
        (EmailExtractPayload, MAIL | {"timezone": ""}, "timezone"),
        (ExtractPayload, {"text": "x", "schema": []}, "schema"),
        (EventCreate, EVENT | {"event_time": "2026-06-01T10:00:00"}, "event_time"),
        (TagsAddRequest, {"tags": []}, "tags"),
        (TagsAddRequest, {"tags": ["  "]}, "tags"),
        (LLMJobUpdate, {"status": "queued"}, "status"),
    ],
)
def test_a_wrong_body_names_its_field(
    model: type[BaseModel], body: dict[str, Any], field: str
) -> None:
    """The sender reads which field it was."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


def test_unknown_fields_are_ignored_and_values_frozen() -> None:
    """An older worker takes a newer producer's payload; nobody changes it on the way."""
    payload = TextTagPayload.model_validate({"memory_id": "m", "content": "x", "new": 1})
    assert payload.model_dump(exclude_none=True) == {"memory_id": "m", "content": "x"}
    with pytest.raises(ValidationError, match="frozen"):
        payload.content = "y"  # pyright: ignore[reportAttributeAccessIssue] - that is the test


def test_extract_speaks_of_schema_outside() -> None:
    """The field is `schema` on the wire, in both directions."""
    body = {"text": "x", "schema": {"type": "object"}, "instructions": None}
    assert ExtractPayload.model_validate(body).model_dump() == body


@pytest.mark.parametrize("when", ["2026-06-01T10:00:00+02:00", "2026-06-01"])
def test_an_event_has_a_moment_or_a_day(when: str) -> None:
    """With an offset, or a plain date for the whole day; and it stays what it was."""
    body = {"description": "x", "event_time": when, "confidence": 1, "evidence": "x"}
    assert json.loads(ExtractedEvent.model_validate(body).model_dump_json())["event_time"] == when
    assert json.loads(
        EventCreate.model_validate(EVENT | {"event_time": when}).model_dump_json()
    ) == EVENT | {"event_time": when, "source_type": "email"}


def test_a_match_is_whole_or_none() -> None:
    """A task id without its description or confidence is no match."""
    assert TaskMatchResult(memory_id="m", task_id=None).task_id is None
    with pytest.raises(ValidationError, match="needs its description"):
        TaskMatchResult(memory_id="m", task_id="t", confidence=1)


def test_an_update_says_only_what_it_holds() -> None:
    """`processing` carries no null result that could wipe one."""
    update = LLMJobUpdate(status=JobStatus.PROCESSING)
    assert update.model_dump_json(exclude_unset=True) == '{"status":"processing"}'


def test_a_task_of_a_newer_core_is_still_one() -> None:
    """More fields than today's are no error."""
    task = {"id": "t", "description": "x", "owner_user_id": 1, "due": "soon"}
    assert TaskResponse.model_validate(task).id == "t"
