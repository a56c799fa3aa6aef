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
    digest: str = ""
    """SHA-256 of `data` in hex: the same picture is prepared to the same bytes."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said to the model.

    Order matters to the server's prefix cache: `system` is constant for a job type, `user` varies.
    """

    system: str
    user: str
    image: PreparedImage | None = None
    version: str = ""
    """Which wording of `system` this is, such as `text_tag/3`."""

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
    priority: int = 0
    """For servers with a queue by priority: the lower, the sooner. 0 is as everybody else."""
    left_s: float | None = None
    """Until the job's deadline: what waits before the call takes its time from this, too."""
    hurried: bool = False
    """Whether that has left it so little time that a timeout says nothing of the server."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back, not yet believed."""

    text: str
    finish_reason: str
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    """How many of `tokens_in` the server had in its prefix cache."""
    provider: str = ""
    model: str = ""


@dataclass(slots=True)
class Tokens:
    """What one model was asked and how much it read and wrote."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0


@dataclass(slots=True)
class Usage:
    """What a job has cost so far, re-asks and failed tries included.

    Attributes:
        calls: calls that were begun, answered or not.
        reasks: those of them that repeated a question whose answer could not be used.
        repaired: answers whose JSON had to be mended.
        dropped: parts of answers that were left out because they did not hold.
        faults: answers that could not be used, by cause.
        llm_s: seconds spent waiting for the model.
        answered: tokens by provider and model.
    """

    calls: int = 0
    reasks: int = 0
    repaired: int = 0
    dropped: int = 0
    faults: dict[str, int] = field(default_factory=dict[str, int])
    llm_s: float = 0.0
    answered: dict[tuple[str, str], Tokens] = field(default_factory=dict[tuple[str, str], Tokens])

    def add(self, completion: Completion) -> None:
        """Count one completion's tokens."""
        spent = self.answered.setdefault((completion.provider, completion.model), Tokens())
        spent.calls += 1
        spent.tokens_in += completion.tokens_in
        spent.tokens_out += completion.tokens_out
        spent.tokens_cached += completion.tokens_cached

    def count_fault(self, cause: str) -> None:
        """Count an answer that cannot be used."""
        self.faults[cause] = self.faults.get(cause, 0) + 1

    @property
    def tokens_in(self) -> int:
        """Tokens read, by all models."""
        return sum(spent.tokens_in for spent in self.answered.values())

    @property
    def tokens_out(self) -> int:
        """Tokens written, by all models."""
        return sum(spent.tokens_out for spent in self.answered.values())

    @property
    def tokens_cached(self) -> int:
        """Tokens that need not be read again, of all models."""
        return sum(spent.tokens_cached for spent in self.answered.values())


class LLM(Protocol):
    """Something that completes chats."""

    async def complete(self, request: ChatRequest) -> Completion:
        """Ask once.

        Raises:
            Retryable, Snooze, Reject, Halt: see `worker.errors`; nothing else escapes.
        """
        ...

    def context_tokens(self, role: ModelRole) -> int | None:
        """Tokens that prompt and answer may have together, where the server has said so."""
        ...


@dataclass(slots=True)
class ScriptedLLM:
    """An LLM that answers from a list, for tests; a `JobError` in the list is raised."""

    replies: list[Completion | str | Exception]
    requests: list[ChatRequest] = field(default_factory=list[ChatRequest])
    context: int | None = None

    async def complete(self, request: ChatRequest) -> Completion:
        """Give the next reply of the script."""
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return Completion(reply, "stop", 10, 5) if isinstance(reply, str) else reply

    def context_tokens(self, role: ModelRole) -> int | None:
        """What the script was given."""
        del role
        return self.context
