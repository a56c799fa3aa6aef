"""text_tag: what a text is about, as tags suggested for its memory."""

from typing import Annotated

from pydantic import BaseModel, Field

from shared.enums import JobType
from shared.schemas import TextTagPayload, TextTagResult
from worker.handlers.handler import Handler, Tools
from worker.handlers.prompting import DATA_RULE, marked
from worker.handlers.tags import SaidTag, suggest_tags
from worker.llm.chat import Prompt
from worker.llm.structured import model_question
from worker.outcome import Completed, completed

SYSTEM = f"""You tag notes so that their writer finds them again.
{DATA_RULE}
Answer with one JSON object whose field tags lists three to seven tags for the note, the most \
telling first. A tag is one to three words in lower case, in the language of the note: people, \
places, things, activities and topics the note is about. No hash signs, no whole sentences, \
nothing the note does not mention."""


class TextTags(BaseModel):
    """What the model says."""

    tags: Annotated[list[SaidTag], Field(min_length=1, max_length=7)]


QUESTION = model_question("text_tags", TextTags, 512)


async def tag_text(payload: TextTagPayload, tools: Tools) -> Completed:
    """Tag a text."""
    answer = await tools.ask(QUESTION, Prompt(SYSTEM, f"The note:\n{marked(payload.content)}"))
    effect = suggest_tags(payload.memory_id, answer.tags)
    return completed(TextTagResult(memory_id=payload.memory_id, tags=effect.body.tags), effect)


HANDLER = Handler(JobType.TEXT_TAG, TextTagPayload, tag_text)
