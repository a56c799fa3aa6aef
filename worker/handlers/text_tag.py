"""text_tag: what a text is about, as tags suggested for its memory. What a tag is, is said here."""

import unicodedata
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from shared.enums import FailureReason, JobType
from shared.schemas import TagsAddRequest, TextTagPayload, TextTagResult
from worker.errors import Retryable
from worker.handlers.handler import Handler, Tools
from worker.handlers.prompting import DATA_RULE, marked, one_line
from worker.llm.chat import Prompt
from worker.llm.structured import model_question
from worker.outcome import AddTags, Completed, completed

TAG_MAX_CHARS = 60
SaidTag = Annotated[str, StringConstraints(min_length=1, max_length=TAG_MAX_CHARS)]

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


def fold_tags(said: Iterable[str]) -> list[str]:
    """Tags as they are stored: lower case, single spaces, bare of `#` and closing punctuation.

    Empty, over-long and repeated ones are left out; the order stays.
    """
    kept: dict[str, str] = {}
    for raw in said:
        tag = unicodedata.normalize("NFC", one_line(raw)).lower().lstrip("# ").rstrip(" .,;:!?…")
        if 0 < len(tag) <= TAG_MAX_CHARS:
            kept.setdefault(tag.casefold(), tag)
    return list(kept.values())


def suggest_tags(memory_id: str, said: Iterable[str]) -> AddTags:
    """The effect that hangs the model's tags on a memory, as suggestions.

    Raises:
        Retryable: none of them is usable.
    """
    tags = fold_tags(said)
    if not tags:
        raise Retryable("the model gave no usable tag", reason=FailureReason.INVALID_ANSWER)
    return AddTags(memory_id=memory_id, body=TagsAddRequest(tags=tags))


async def tag_text(payload: TextTagPayload, tools: Tools) -> Completed:
    """Tag a text."""
    answer = await tools.ask(QUESTION, Prompt(SYSTEM, f"The note:\n{marked(payload.content)}"))
    effect = suggest_tags(payload.memory_id, answer.tags)
    return completed(TextTagResult(memory_id=payload.memory_id, tags=effect.body.tags), effect)


HANDLER = Handler(JobType.TEXT_TAG, TextTagPayload, tag_text)
