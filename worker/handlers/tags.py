"""What a tag is, and how the model's tags become suggestions for a memory."""

import unicodedata
from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

from shared.enums import FailureReason
from shared.schemas import TagsAddRequest
from worker.errors import Retryable
from worker.handlers.prompting import one_line
from worker.outcome import AddTags

TAG_MAX_CHARS = 60
SaidTag = Annotated[str, StringConstraints(min_length=1, max_length=TAG_MAX_CHARS)]
"""A tag as the model may say it."""


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
