"""text_tag: what a text is about, as tags suggested for its memory.

A text that is too long for the model is shortened in its middle. At most 4 calls, see `asking`.
"""

from typing import Annotated

from pydantic import BaseModel, Field

from shared.enums import JobType
from shared.schemas import TextTagPayload, TextTagResult
from worker.handlers.asking import Asking
from worker.handlers.handler import Handler, Tools
from worker.handlers.tags import MOST_TAGS_SAID, SaidTag, TagCheck, suggest_tags
from worker.handlers.vocabulary import in_force, only_these
from worker.handlers.wording import wording
from worker.llm.structured import model_question
from worker.outcome import Completed, completed
from worker.untrusted.framing import marked, shown

WORDING = wording("text_tag")


class TextTags(BaseModel):
    """What the model says."""

    tags: Annotated[list[SaidTag], Field(min_length=1, max_length=MOST_TAGS_SAID)]


QUESTION = model_question("text_tags", TextTags, 512, salvage="tags")


async def tag_text(payload: TextTagPayload, tools: Tools) -> Completed:
    """Tag a text; with a vocabulary, out of that only, and with none where none of it fits.

    Raises:
        Retryable: the model gave no usable tag, twice.
    """
    allowed = in_force(payload.vocabulary, tools.vocabulary)

    usable = TagCheck(allowed)
    asking = Asking(tools.ask, QUESTION, WORDING, lambda answer: usable(answer.tags))
    note = await shown(payload.content)
    asked = await asking.about((allowed.lines if allowed else "", note), _request)
    tools.ask.usage.dropped += asked.value.dropped
    tags = asked.value.tags
    result = TextTagResult(memory_id=payload.memory_id, tags=tags, truncated_input=asked.cut)
    return completed(result, *suggest_tags(payload.memory_id, tags))


def _request(allowed: str, note: str) -> str:
    return f"{only_these(allowed)}The note:\n{marked(note)}"


HANDLER = Handler(JobType.TEXT_TAG, TextTagPayload, tag_text)
