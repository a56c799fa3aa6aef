"""Whether an answer can be believed: how it ended, its JSON, its shape, its sense.

The steps, each of which may end it: only `stop` is whole → there is something → the JSON in it,
mended where that leaves no doubt → it does not repeat its instructions → its shape, without the
items that do not hold → what the handler knows of it. What follows from a failed step is in
`worker.llm.causes`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from worker.llm import json_text, repair
from worker.llm.aside import aside
from worker.llm.causes import Cause
from worker.llm.chat import Completion, Prompt
from worker.llm.json_text import BrokenJson, extract_json
from worker.llm.prompt_leak import repeats_prompt
from worker.llm.question import Question, Unusable

T = TypeVar("T")
R = TypeVar("R")

INLINE_CHARS = 8_192
"""Up to here an answer is judged in a few milliseconds, on the event loop; see
`python -m benchmarks.malformed`."""
_LINE_CHARS = 120
_MAX_LINES = 5
_WHITE_SPACE_LOOP = 32
_ENDINGS = {
    "length": Cause.TRUNCATED,
    "repetition": Cause.REPETITION,
    "content_filter": Cause.REFUSED,
    "refusal": Cause.REFUSED,
}
"""What `finish_reason` means; `stop` is the only good end, anything unknown is an early one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an answer cannot be used; `why` quotes nothing of it."""

    cause: Cause
    why: str
    mendable: bool = False
    """Whether the JSON is broken in a way that can perhaps be mended."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """An answer that holds.

    Attributes:
        dropped: how many parts of it were left out.
        repaired: whether its JSON had to be mended.
    """

    value: R
    dropped: int = 0
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Inquiry(Generic[T, R]):
    """What is asked, how it is said, and what the handler makes of the value.

    Attributes:
        check: gives what the handler goes on with. A ValueError makes the answer `ungrounded`,
            an `Unusable` what it says. It may run in a thread.
    """

    question: Question[T]
    prompt: Prompt
    check: Callable[[T], R]


async def judged(inquiry: Inquiry[T, R], completion: Completion) -> Answer[R] | Fault:
    """Judge a completion; in a thread if that may take more than a few milliseconds.

    Raises:
        Reject: to check it takes more steps than any honest schema needs.
    """
    # The user's part counts because that is what checks compare an answer with.
    longest = max(len(completion.text), len(inquiry.prompt.user))
    if not inquiry.question.heavy and longest <= INLINE_CHARS:
        verdict = judge(inquiry, completion, mend=False)
        if not (isinstance(verdict, Fault) and verdict.mendable):
            return verdict
    return await aside(judge, inquiry, completion, mend=True)


def judge(inquiry: Inquiry[T, R], completion: Completion, *, mend: bool) -> Answer[R] | Fault:
    """Judge a completion.

    Args:
        inquiry: what was asked.
        completion: what came back.
        mend: whether broken JSON may be mended, which takes tens of milliseconds.

    Raises:
        Reject: to check it takes more steps than any honest schema needs.
    """
    ended = _ended(completion)
    if ended is not None:
        return ended
    try:
        said, repaired = _json(completion.text, mend=mend)
        if repeats_prompt(said, inquiry.prompt.system, inquiry.prompt.user):
            return Fault(Cause.PROMPT_LEAK, "the answer repeats its instructions")
        value, dropped = _fitting(inquiry.question, said)
        return Answer(_checked(inquiry.check, value), dropped, repaired)
    except BrokenJson as error:
        return Fault(Cause.INVALID_JSON, _lines(error), mendable=not mend)
    except Unusable as error:
        return Fault(error.cause, _lines(error))


def _ended(completion: Completion) -> Fault | None:
    """What the end says of the whole."""
    text, finish = completion.text, completion.finish_reason
    if finish != "stop":
        cause = _ENDINGS.get(finish, Cause.ABORTED)
        return Fault(cause, _why_ended(cause, text, finish))
    if len(text) > json_text.MAX_CHARS:
        why = f"the answer is longer than {json_text.MAX_CHARS:,} characters"
        return Fault(Cause.OVERSIZED_REPLY, why)
    if not text.strip():
        return Fault(Cause.EMPTY_RESPONSE, "there is nothing in the answer")
    return None


def _why_ended(cause: Cause, text: str, finish: str) -> str:
    match cause:
        case Cause.TRUNCATED:
            blank = len(text) - len(text.rstrip()) >= _WHITE_SPACE_LOOP
            ending = ", after a long run of white space" if blank else ""
            return f"the answer was cut off at its token limit{ending}"
        case Cause.REPETITION:
            return "the answer went round in circles"
        case Cause.REFUSED:
            return f"the model refused to answer ({finish})"
        case _:
            return f"the answer ended early ({finish!r:.40})"


def _json(text: str, *, mend: bool) -> tuple[str, bool]:
    try:
        return extract_json(text), False
    except BrokenJson as error:
        mended = repair.repaired(error.spans) if mend and len(text) <= repair.MAX_CHARS else None
        if mended is None:
            raise
        return mended, True
    except ValueError as error:
        raise Unusable(str(error), Cause.INVALID_JSON) from None


def _fitting(question: Question[T], said: str) -> tuple[T, int]:
    try:
        return question.read(said)
    except Unusable:
        raise
    except ValueError as error:
        raise Unusable(_lines(error), Cause.SCHEMA_MISMATCH) from None


def _checked(check: Callable[[T], R], value: T) -> R:
    try:
        return check(value)
    except Unusable:
        raise
    except ValueError as error:
        raise Unusable(_lines(error)) from None


def _lines(error: ValueError) -> str:
    """What was wrong, one rule a line, without the values: they may be private."""
    if not isinstance(error, ValidationError):
        found = str(error).splitlines()[:_MAX_LINES]
    else:
        items = error.errors(include_url=False, include_context=False, include_input=False)
        found = [
            f"{'.'.join(map(str, item['loc'])) or 'answer'}: {item['msg']}"
            for item in items[:_MAX_LINES]
        ]
    return "\n".join(line[:_LINE_CHARS] for line in found)
