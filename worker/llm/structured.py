"""From a question with a shape to a value of that shape."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from worker.llm.chat import LLM, Prompt, Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """The shape of an answer: the schema that is sent, and how its text becomes a value."""

    name: str
    schema: dict[str, Any]
    parse: Callable[[str], T]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks the model on behalf of one job."""

    llm: LLM
    usage: Usage
    request_id: str

    async def __call__(self, question: Question[T], prompt: Prompt) -> T:
        """Ask."""
        raise NotImplementedError
