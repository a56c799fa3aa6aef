"""The words between handlers and a model: a prompt, a request, a completion, one protocol."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class ModelRole(StrEnum):
    """Which of the configured models is meant: `LLM_TEXT_MODEL` or `LLM_VISION_MODEL`."""

    TEXT = "text"
    VISION = "vision"


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A picture ready to be sent: checked, shrunk, upright, re-encoded."""

    data: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said to the model.

    Order matters to the server's prefix cache: `system` is constant for a job type, `user` varies.
    """

    system: str
    user: str
    image: PreparedImage | None = None

    @property
    def role(self) -> ModelRole:
        """The model this needs."""
        return ModelRole.TEXT if self.image is None else ModelRole.VISION


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call: a prompt, the JSON Schema its answer must fit, and the limits of the call."""

    prompt: Prompt
    schema_name: str
    schema: dict[str, Any]
    max_tokens: int
    timeout_s: float
    """One total for the call, connecting included."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back, not yet believed."""

    text: str
    finish_reason: str
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(slots=True)
class Usage:
    """What a job has cost so far, re-asks and failed tries included."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    llm_s: float = 0.0

    def add(self, completion: Completion) -> None:
        """Count one completion's tokens."""
        self.tokens_in += completion.tokens_in
        self.tokens_out += completion.tokens_out


class LLM(Protocol):
    """Something that completes chats."""

    async def complete(self, request: ChatRequest) -> Completion:
        """Ask once.

        Raises:
            Retryable, Snooze, Reject, Halt: see `worker.errors`; nothing else escapes.
        """
        ...


@dataclass(slots=True)
class ScriptedLLM:
    """An LLM that answers from a list, for tests; a `JobError` in the list is raised."""

    replies: list[Completion | str | Exception]
    requests: list[ChatRequest] = field(default_factory=list[ChatRequest])

    async def complete(self, request: ChatRequest) -> Completion:
        """Give the next reply of the script."""
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return Completion(reply, "stop", 10, 5) if isinstance(reply, str) else reply
