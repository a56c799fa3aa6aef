"""What a tag is, and how the model's tags become suggestions for a memory."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

from shared.schemas import TagsAddRequest
from worker.handlers.vocabulary import TAG_MAX_CHARS, Vocabulary
from worker.llm.structured import Unusable
from worker.outcome import AddTags
from worker.untrusted.framing import one_line
from worker.untrusted.plain_text import has_address, plain

MOST_TAGS_SAID = 7
SaidTag = Annotated[str, StringConstraints(min_length=1, max_length=TAG_MAX_CHARS)]
"""A tag as the model may say it."""


@dataclass(frozen=True, slots=True)
class UsableTags:
    """The tags that hold, and how many of those that were said do not."""

    tags: list[str]
    dropped: int


def fold_tags(said: Iterable[str]) -> list[str]:
    """Tags as they are stored: lower case, single spaces, bare of `#` and closing punctuation.

    Empty, over-long and repeated ones are left out, and those with an address in them; the order
    stays.
    """
    kept: dict[str, str] = {}
    for raw in said:
        if has_address(one_line(raw)):
            continue
        tag = unicodedata.normalize("NFC", plain(raw)).lower().lstrip("# ").rstrip(" .,;:!?…")
        if 0 < len(tag) <= TAG_MAX_CHARS:
            kept.setdefault(tag.casefold(), tag)
    return list(kept.values())


def usable_tags(said: list[str], allowed: Vocabulary | None) -> UsableTags:
    """The tags that may be given.

    Args:
        said: what the model said.
        allowed: the only ones that may be; None for any.

    Raises:
        Unusable: there are none.
    """
    if allowed is None:
        tags = fold_tags(said)
        if not tags:
            raise Unusable("there is no usable tag in it")
        return UsableTags(tags, sum(map(has_address, map(one_line, said))))
    tags = allowed.hold(said)
    if not tags:
        raise Unusable("none of the tags is in the list of allowed tags")
    strangers = sum(1 for tag in said if not allowed.hold([tag]))
    return UsableTags(tags, strangers)


class TagCheck:
    """Looks at the answers to one question, one after the other.

    With a closed list the model may find that nothing in it fits. The first answer without a tag of
    the list is asked for again; the second stands, without tags: more attempts would only cost.
    """

    def __init__(self, allowed: Vocabulary | None) -> None:
        self._allowed = allowed
        self._refused = False

    def __call__(self, said: list[str]) -> UsableTags:
        """The tags of an answer that may be given.

        Raises:
            Unusable: there are none, and it is worth asking again.
        """
        try:
            return usable_tags(said, self._allowed)
        except Unusable:
            if self._allowed is None or not self._refused:
                self._refused = True
                raise
        return UsableTags([], len(said))


def suggest_tags(memory_id: str, tags: list[str]) -> list[AddTags]:
    """The effect that hangs tags on a memory, as suggestions; none without tags."""
    return [AddTags(memory_id=memory_id, body=TagsAddRequest(tags=tags))] if tags else []
