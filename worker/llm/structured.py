"""From a question with a shape to a value of that shape.

A malformed answer is asked for again once, here, with a fresh prompt that says what was wrong. It
never repeats the bad answer: that would cost its tokens again and teach the model to copy it.
Whatever is still wrong then is the queue's to retry.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from shared.enums import FailureReason
from worker.errors import Reject, Retryable
from worker.llm.caller_schema import CallerSchema
from worker.llm.chat import LLM, ChatRequest, Completion, ModelRole, Prompt, Usage
from worker.llm.json_text import extract_json
from worker.llm.wire_schema import wire_schema

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_NOTE_CHARS = 500
_LINE_CHARS = 120
_MAX_LINES = 5
_REFUSALS = frozenset({"content_filter", "refusal"})


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """The shape of an answer: the schema that is sent, and how its text becomes a value.

    `parse` raises ValueError for an answer that does not fit. Its message goes into the next
    prompt and into the log, so it names the rule and not the value.
    """

    name: str
    schema: dict[str, Any]
    parse: Callable[[str], T]
    max_tokens: int


def model_question(name: str, model: type[M], max_tokens: int) -> Question[M]:
    """Ask for a pydantic model; build it once, when the module is loaded.

    Raises:
        ValueError: the model has a string or a list without a maximum, see `wire_schema`.
    """
    return Question(name, wire_schema(model), model.model_validate_json, max_tokens)


def schema_question(
    name: str, schema: Mapping[str, JsonValue], max_tokens: int
) -> Question[JsonValue]:
    """Ask for a value of a caller's own JSON Schema (draft 2020-12).

    Raises:
        Reject: the schema cannot be used; the message says why.
    """
    return Question(name, dict(schema), CallerSchema(schema).parse, max_tokens)


@dataclass(frozen=True, slots=True)
class _Unusable:
    """Why an answer cannot be used, and whether it was only too long."""

    why: str
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    """An answer that holds."""

    value: T


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks the model on behalf of one job.

    Attributes:
        usage: what the job has cost so far; counts failed tries too.
        text_timeout_s: one total for each call without a picture.
        vision_timeout_s: one total for each call with a picture.
        time_left: seconds to the job's deadline, or None; no call outlasts it.
        slot: where each call waits for its turn.
    """

    llm: LLM
    usage: Usage
    request_id: str
    text_timeout_s: float = 60.0
    vision_timeout_s: float = 120.0
    time_left: Callable[[], float | None] = lambda: None
    slot: Callable[[], AbstractAsyncContextManager[None]] = nullcontext

    async def __call__(self, question: Question[T], prompt: Prompt) -> T:
        """Ask, and once more if the answer cannot be used: two calls at most.

        Raises:
            Retryable: neither answer can be used (`INVALID_ANSWER`), or a call failed.
            Reject: the model refuses.
            Snooze, Halt: as the client raised them.
        """
        request = self._request(question, prompt)
        first = _judge(question, await self._complete(request))
        if isinstance(first, _Answer):
            return first.value
        second = _judge(question, await self._complete(_ask_again(request, first)))
        if isinstance(second, _Answer):
            return second.value
        why = second.why.replace("\n", "; ")
        raise Retryable(f"no usable answer: {why}", reason=FailureReason.INVALID_ANSWER)

    def _request(self, question: Question[Any], prompt: Prompt) -> ChatRequest:
        seeing = prompt.role is ModelRole.VISION
        return ChatRequest(
            prompt=prompt,
            schema_name=question.name,
            schema=question.schema,
            max_tokens=question.max_tokens,
            timeout_s=self.vision_timeout_s if seeing else self.text_timeout_s,
            request_id=self.request_id,
        )

    async def _complete(self, request: ChatRequest) -> Completion:
        async with self.slot():
            return await self._call(request)

    async def _call(self, request: ChatRequest) -> Completion:
        left_s = self.time_left()
        if left_s is not None and left_s <= 0:
            raise Reject(FailureReason.EXPIRED, "the deadline passed before the model was asked")
        if left_s is not None:
            request = replace(request, timeout_s=min(request.timeout_s, left_s))
        started = time.perf_counter()
        self.usage.calls += 1
        try:
            completion = await self.llm.complete(request)
        finally:
            self.usage.llm_s += time.perf_counter() - started
        self.usage.add(completion)
        return completion


def _judge(question: Question[T], completion: Completion) -> _Answer[T] | _Unusable:
    finish = completion.finish_reason
    if finish in _REFUSALS:
        raise Reject(FailureReason.MODEL_REFUSED, f"the model refused to answer ({finish})")
    if finish == "length":
        return _Unusable("the answer was cut off at its token limit", too_long=True)
    if finish != "stop":
        return _Unusable(f"the answer ended early ({finish!r:.40})")
    try:
        return _Answer(question.parse(extract_json(completion.text)))
    except ValueError as error:
        return _Unusable(_lines(error))


def _lines(error: ValueError) -> str:
    """What was wrong, one rule a line, without the values: they may be private."""
    if not isinstance(error, ValidationError):
        found = str(error).splitlines()
    else:
        found = [
            f"{'.'.join(map(str, item['loc'])) or 'answer'}: {item['msg']}"
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    return "\n".join(line[:_LINE_CHARS] for line in found[:_MAX_LINES])


def _ask_again(request: ChatRequest, fault: _Unusable) -> ChatRequest:
    """The same request with a note at the end, where it keeps the server's prefix cache warm."""
    advice = "Answer more briefly." if fault.too_long else "Give the whole answer, corrected."
    note = f"Your last answer could not be used:\n{fault.why}"[: _NOTE_CHARS - len(advice) - 1]
    prompt = replace(request.prompt, user=f"{request.prompt.user}\n\n{note}\n{advice}")
    max_tokens = request.max_tokens * 2 if fault.too_long else request.max_tokens
    return replace(request, prompt=prompt, max_tokens=max_tokens)
