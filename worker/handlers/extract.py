"""extract: a value of the caller's own JSON Schema, read out of a text.

A text that is too long for the model is read in parts that overlap, and their values are joined by
code. Where they contradict each other, or what they make does not fit the schema, the model is
asked once more, about the values. At most 36 calls, see `asking`.
"""

import json
from functools import partial

from pydantic import JsonValue

from shared.enums import JobType
from shared.schemas import ExtractPayload, ExtractResult
from worker.handlers.asking import Asked, Asking, as_said, beside, or_with_half
from worker.handlers.handler import Handler, Tools
from worker.handlers.merging import merged
from worker.handlers.reading_parts import MOST_PARTS, each_part
from worker.handlers.wording import wording
from worker.llm.aside import aside
from worker.llm.structured import Question, caller_question
from worker.llm.tokens import estimate_tokens
from worker.outcome import Completed, completed
from worker.untrusted.framing import marked, shown, visible
from worker.untrusted.trimming import in_parts

MAX_TOKENS = 2_048
WORDING = wording("extract")
MERGE_WORDING = wording("extract_merge")


async def extract(payload: ExtractPayload, tools: Tools) -> Completed:
    """Read the caller's value.

    Raises:
        Reject: the caller's schema is no usable JSON Schema.
    """
    question = await caller_question("extract", payload.json_schema, MAX_TOKENS)
    wishes = visible(payload.instructions or "")
    text = await shown(payload.text, links="whole")
    asked = await _read(question, wishes, text, tools)
    if len(asked.value) == 1:
        return completed(ExtractResult(data=asked.value[0], truncated_input=asked.cut))
    whole = await aside(fitting_whole, question, asked.value)
    if whole is None:
        whole = await _brought_together(question, wishes, asked.value, tools)
    return completed(ExtractResult(data=whole.value, truncated_input=asked.cut or whole.cut))


async def _read(
    question: Question[JsonValue], wishes: str, text: str, tools: Tools
) -> Asked[list[JsonValue]]:
    """The values of the parts, one if the text fits."""
    asking = Asking(tools.ask, question, WORDING, as_said)

    async def about(piece: str) -> JsonValue:
        return await asking(_request(wishes, piece))

    async def with_room(room: int) -> Asked[list[JsonValue]]:
        parts = await beside(len(text), partial(in_parts, text, room, MOST_PARTS))
        values = await each_part(tools.kept, question.name, parts.pieces, about)
        return Asked(values, parts.cut)

    room = asking.room() - estimate_tokens(_request(wishes, ""))
    return await or_with_half(room, estimate_tokens(text), with_room)


def fitting_whole(
    question: Question[JsonValue], values: list[JsonValue]
) -> Asked[JsonValue] | None:
    """The values joined; None if they contradict each other, or the whole does not fit."""
    try:
        return Asked(question.parse(json.dumps(merged(values))), cut=False)
    except (ValueError, RecursionError):
        return None


async def _brought_together(
    question: Question[JsonValue], wishes: str, values: list[JsonValue], tools: Tools
) -> Asked[JsonValue]:
    asking = Asking(tools.ask, question, MERGE_WORDING, as_said)
    lines = "\n".join(json.dumps(value, ensure_ascii=False) for value in values)
    return await asking.about((visible(lines),), partial(_request, wishes))


def _request(wishes: str, data: str) -> str:
    asked = f"What the caller wants:\n{marked(wishes, 'CALLER', steady=True)}\n\n" if wishes else ""
    return f"{asked}The data:\n{marked(data)}"


HANDLER = Handler(JobType.EXTRACT, ExtractPayload, extract)
