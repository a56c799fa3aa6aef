"""From a question with a shape to a value of that shape, in two calls at most.

An answer that cannot be used is asked for again once, here, with a note that says what was
wrong. It never repeats the bad answer: that would cost its tokens again and teach the model to copy
it. Whatever is still wrong then is the queue's to retry.
"""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, TypeVar, overload

from shared.enums import FailureReason
from worker.errors import RAW_ANSWER_CHARS, JobError, Reject, Retryable
from worker.llm.causes import Cause, Disposition, job_error, rule
from worker.llm.chat import LLM, ChatRequest, Completion, ModelRole, Prompt, Usage
from worker.llm.judging import Answer, Fault, Inquiry, judged
from worker.llm.question import (
    Question,
    Unusable,
    caller_question,
    model_question,
    schema_question,
)
from worker.tracing import Said, Span, Step, step

__all__ = [
    "CALLS_PER_ASK",
    "Asker",
    "Question",
    "Unusable",
    "caller_question",
    "model_question",
    "schema_question",
]

T = TypeVar("T")
R = TypeVar("R")

CALLS_PER_ASK = 2
"""Calls that one question costs at worst, whatever goes wrong. A job costs at most this times the
questions its handler asks, times `JOB_ATTEMPTS_MAX`."""
_NOTE_CHARS = 500
_NOTE_TOKENS = 128
"""More than the note after a cut-off answer takes."""
_TOO_LONG = frozenset({Cause.TRUNCATED, Cause.REPETITION})


@dataclass(slots=True)  # made for each try: frozen, that costs twice as much
class Asker:
    """Asks the model on behalf of one job; several questions may be under way at once.

    Attributes:
        usage: what the job has cost so far; counts failed tries too.
        text_timeout_s: one total for each call without a picture.
        vision_timeout_s: one total for each call with a picture.
        time_left: seconds to the job's deadline, or None; no call outlasts it.
        priority: of each call, where the server has a queue by priority; see `ChatRequest`.
        slot: where each call waits for its turn.
        answered: told of each call that the server has answered, whatever the answer is worth.
    """

    llm: LLM
    usage: Usage
    request_id: str
    text_timeout_s: float = 60.0
    vision_timeout_s: float = 120.0
    time_left: Callable[[], float | None] = lambda: None
    priority: int = 0
    slot: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    answered: Callable[[], None] = lambda: None

    @overload
    async def __call__(self, question: Question[T], prompt: Prompt) -> T: ...

    @overload
    async def __call__(
        self, question: Question[T], prompt: Prompt, check: Callable[[T], R]
    ) -> R: ...

    async def __call__(
        self, question: Question[Any], prompt: Prompt, check: Callable[[Any], Any] | None = None
    ) -> Any:
        """Ask, and once more if the answer cannot be used: `CALLS_PER_ASK` at most.

        Args:
            question: the shape of the answer.
            prompt: what is said.
            check: makes of the value what the caller goes on with. It raises `Unusable` (or any
                other ValueError) for an answer that makes no sense, such as a name that was not
                offered; the message is told to the model. It is pure: it may run in a thread.

        Raises:
            Retryable: neither answer can be used (with its cause and the raw text), or a call
                failed.
            Reject: the model refuses, or the prompt does not fit it.
            Snooze, Halt: as the client raised them.
        """
        inquiry = Inquiry(question, prompt, check or _as_it_is)
        with step(Step.QUESTION, prompt=prompt.version, max_tokens=question.max_tokens) as span:
            return await self._answered(inquiry, self._request(question, prompt), span)

    async def _answered(self, inquiry: Inquiry[Any, Any], request: ChatRequest, span: Span) -> Any:
        first, said = await self._ask(inquiry, request)
        span.say(**_told(said))
        if isinstance(first, Answer):
            return self._taken(first)
        if rule(first.cause).disposition is not Disposition.REASK:
            raise _failure(first, said)
        self.usage.reasks += 1
        second, again = await self._ask(inquiry, self._again(request, first, said))
        span.say(**_told(said, again))
        if isinstance(second, Answer):
            return self._taken(second)
        raise _failure(second, again)

    async def _ask(
        self, inquiry: Inquiry[Any, Any], request: ChatRequest
    ) -> tuple[Answer[Any] | Fault, Completion]:
        """One call and its verdict."""
        try:
            async with self.slot():
                completion = await self._call(request)
        except Retryable as error:
            # The client may see by itself that there is no answer in a reply.
            if rule(error.cause).disposition is not Disposition.REASK:
                raise
            verdict = Fault(Cause(error.cause), str(error))
            completion = Completion(error.raw_answer, "")
        else:
            self.answered()
            verdict = await judged(inquiry, completion)
        if isinstance(verdict, Fault):
            self.usage.count_fault(str(verdict.cause))
        return verdict, completion

    def _taken(self, answer: Answer[R]) -> R:
        self.usage.dropped += answer.dropped
        self.usage.repaired += answer.repaired
        return answer.value

    def _request(self, question: Question[Any], prompt: Prompt) -> ChatRequest:
        seeing = prompt.role is ModelRole.VISION
        return ChatRequest(
            prompt=prompt,
            schema_name=question.name,
            schema=question.schema,
            max_tokens=question.max_tokens,
            timeout_s=self.vision_timeout_s if seeing else self.text_timeout_s,
            request_id=self.request_id,
            priority=self.priority,
        )

    async def _call(self, request: ChatRequest) -> Completion:
        left_s = self.time_left()
        if left_s is not None and left_s <= 0:
            raise Reject(FailureReason.EXPIRED, "the deadline passed before the model was asked")
        if left_s is not None:
            timeout_s = min(request.timeout_s, left_s)
            request = replace(request, timeout_s=timeout_s, left_s=left_s)
        started = time.perf_counter()
        self.usage.calls += 1
        try:
            completion = await self.llm.complete(request)
        finally:
            self.usage.llm_s += time.perf_counter() - started
        self.usage.add(completion)
        return completion

    def _again(self, request: ChatRequest, fault: Fault, said: Completion) -> ChatRequest:
        """The request with a note at its end, where it keeps the server's prefix cache warm."""
        brief = fault.cause in _TOO_LONG
        advice = "Answer more briefly." if brief else "Give the whole answer, corrected."
        note = f"Your last answer could not be used:\n{fault.why}"[: _NOTE_CHARS - len(advice) - 1]
        prompt = replace(request.prompt, user=f"{request.prompt.user}\n\n{note}\n{advice}")
        if fault.cause is not Cause.TRUNCATED:
            return replace(request, prompt=prompt)
        context = self.llm.context_tokens(prompt.role)
        return replace(request, prompt=prompt, max_tokens=_larger_cap(request, said, context))


def _larger_cap(request: ChatRequest, said: Completion, context: int | None) -> int:
    """Twice the tokens, or as many as the model has left beside the prompt."""
    doubled = request.max_tokens * 2
    if context is None:
        return doubled
    # Without a count from the server: no token is shorter than a byte. A picture has no such bound.
    prompt = request.prompt
    most = len(f"{prompt.system}{prompt.user}".encode(errors="replace"))
    read = said.tokens_in or (context if prompt.image else most)
    return max(request.max_tokens, min(doubled, context - read - _NOTE_TOKENS))


def _told(*said: Completion) -> Said:
    """What a trace tells of the replies to one question."""
    return {
        "finish_reason": said[-1].finish_reason,
        "tokens_in": sum(one.tokens_in for one in said),
        "tokens_out": sum(one.tokens_out for one in said),
        "tokens_cached": sum(one.tokens_cached for one in said),
        "reasks": len(said) - 1,
    }


def _failure(fault: Fault, said: Completion) -> JobError:
    why = fault.why.replace("\n", "; ")
    # Half of a surrogate pair could not be written to the dead letter.
    raw = said.text[:RAW_ANSWER_CHARS].encode(errors="replace").decode()
    return job_error(fault.cause, f"no usable answer: {why}", raw_answer=raw)


def _as_it_is(value: T) -> T:
    return value
