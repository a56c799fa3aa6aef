"""image_tag: what a picture shows, in a sentence and in tags suggested for its memory.

At most 4 calls, see `asking`.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from shared.enums import JobType
from shared.schemas import ImageTagPayload, ImageTagResult
from worker.handlers.asking import Asking
from worker.handlers.handler import Handler, Tools
from worker.handlers.tags import MOST_TAGS_SAID, SaidTag, TagCheck, UsableTags, suggest_tags
from worker.handlers.vocabulary import in_force, only_these
from worker.handlers.wording import wording
from worker.llm.chat import ModelRole
from worker.llm.structured import Unusable, model_question
from worker.outcome import Completed, completed
from worker.untrusted.plain_text import plain

WORDING = wording("image_tag")
REQUEST = "Describe and tag this picture."


class ImageTags(BaseModel):
    """What the model says."""

    description: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    tags: Annotated[list[SaidTag], Field(min_length=1, max_length=MOST_TAGS_SAID)]


@dataclass(frozen=True, slots=True)
class Described:
    """What of it can be used."""

    description: str
    tags: UsableTags


QUESTION = model_question("image_tags", ImageTags, 768, salvage="tags")


async def tag_image(payload: ImageTagPayload, tools: Tools) -> Completed:
    """Describe and tag a picture; with a vocabulary, the tags are out of that only.

    Raises:
        Reject: there is no usable picture.
        Retryable: the model gave no description or no usable tag, twice.
    """
    allowed = in_force(payload.vocabulary, tools.vocabulary)

    usable = TagCheck(allowed)

    def check(answer: ImageTags) -> Described:
        description = plain(answer.description)
        if not description:
            raise Unusable("the description is empty")
        return Described(description, usable(answer.tags))

    image = await tools.images.load(payload.image_path)
    asking = Asking(tools.ask, QUESTION, WORDING, check)
    asked = await asking.about((allowed.lines if allowed else "",), _request, image)
    said = asked.value
    tools.ask.usage.dropped += said.tags.dropped
    result = ImageTagResult(
        memory_id=payload.memory_id,
        description=said.description,
        tags=said.tags.tags,
        truncated_input=asked.cut,
    )
    return completed(result, *suggest_tags(payload.memory_id, said.tags.tags))


def _request(allowed: str) -> str:
    return f"{only_these(allowed)}{REQUEST}"


HANDLER = Handler(JobType.IMAGE_TAG, ImageTagPayload, tag_image, role=ModelRole.VISION)
