"""What came of a job, as a value that survives a restart: the outbox holds exactly this.

An outcome is final. Whatever happens between here and Core, the model is not asked again.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.enums import FailureReason, JobStatus
from shared.schemas import (
    EventCreate,
    LLMJobUpdate,
    RecordId,
    Result,
    TagsAddRequest,
    UsageReport,
)


class Frozen(BaseModel):
    """Immutable, and strict about its fields: only this program writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AddTags(Frozen):
    """Effect: `POST /memories/{memory_id}/tags`."""

    kind: Literal["add_tags"] = "add_tags"
    memory_id: RecordId
    body: TagsAddRequest


class CreateEvent(Frozen):
    """Effect: `POST /events`."""

    kind: Literal["create_event"] = "create_event"
    body: EventCreate


Effect = Annotated[AddTags | CreateEvent, Field(discriminator="kind")]


class Completed(Frozen):
    """The job has an answer: the effects in their order, then the PATCH with the result."""

    kind: Literal["completed"] = "completed"
    result: dict[str, Any]
    effects: tuple[Effect, ...] = ()

    def costing(self, usage: UsageReport) -> "Completed":
        """The same with what it has cost."""
        result = self.result | {"usage": usage.model_dump(mode="json", exclude_none=True)}
        return Completed(result=result, effects=self.effects)

    @property
    def update(self) -> LLMJobUpdate:
        """The last word to Core about this job."""
        return LLMJobUpdate(status=JobStatus.COMPLETED, result=self.result)


class Failed(Frozen):
    """The job has no answer and never will: the PATCH, then the dead letters."""

    kind: Literal["failed"] = "failed"
    reason: FailureReason
    message: str
    cause: str = ""
    """What went wrong at the last try, in the words of `worker.llm.causes`."""
    raw_answer: str = ""
    """What the model said, where that was what could not be used."""
    attempts: int = 0
    undelivered: Completed | None = None
    """The answer that Core would not take, kept so that nobody pays for it twice."""

    @property
    def update(self) -> LLMJobUpdate:
        """The last word to Core about this job."""
        message = f"{self.reason}: {self.message}"[:2_000]
        return LLMJobUpdate(status=JobStatus.FAILED, error_message=message)

    def letter(self, now: float) -> dict[str, str]:
        """What a dead letter says of the job, beside the entry's own fields and its origin.

        Args:
            now: Unix seconds.
        """
        fields = {
            "dead_reason": str(self.reason),
            "dead_error": self.message,
            "dead_attempts": str(self.attempts),
            "dead_at": f"{now:.3f}",
        }
        if self.cause:
            fields["dead_cause"] = self.cause
        if self.raw_answer:
            fields["dead_answer"] = self.raw_answer
        if self.undelivered is not None:
            fields["dead_outcome"] = self.undelivered.model_dump_json()
        return fields


Outcome = Completed | Failed
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Annotated[Outcome, Field(discriminator="kind")])


def completed(result: Result, *effects: AddTags | CreateEvent) -> Completed:
    """A handler's answer: the result as Core will see it, and what else to do there."""
    said = result.model_dump(mode="json", exclude={"usage"})
    if not result.truncated_input:
        del said["truncated_input"]
    return Completed(result=said, effects=effects)


def dump_outcome(outcome: Outcome) -> bytes:
    """An outcome as the outbox keeps it."""
    return outcome.model_dump_json().encode()


def load_outcome(raw: bytes | None) -> Outcome | None:
    """An outcome out of the outbox; None when there is none that this version can read.

    A newer worker's format is no outcome here: to ask again is the lesser evil.
    """
    if raw is None:
        return None
    try:
        return _OUTCOME.validate_json(raw)
    except ValidationError:
        return None
