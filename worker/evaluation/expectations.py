"""What a case says its answer should be: one model for each kind of answer."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from shared.enums import Intent, JobType
from shared.fields import PageNumber, RecordId, ShortText, Tag

Words = Annotated[tuple[ShortText, ...], Field(min_length=1)]
"""Any of them will do."""


class Expectation(BaseModel):
    """What is expected of one case; unknown fields are a mistake of whoever wrote it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def weight(self) -> int:
        """How many things are wanted."""
        return 1


class WantedTags(Expectation):
    """Tags, each as a list of words that mean the same."""

    tags: tuple[Annotated[tuple[Tag, ...], Field(min_length=1)], ...]

    @property
    def weight(self) -> int:
        """How many tags are wanted."""
        return len(self.tags)


class WantedEvent(BaseModel):
    """An event: when it is, and words of which its description has one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_time: AwareDatetime | date
    about: Words | None = None


class WantedEvents(Expectation):
    """The events of an email; none is an expectation too."""

    events: tuple[WantedEvent, ...]

    @property
    def weight(self) -> int:
        """How many events are wanted."""
        return len(self.events)


class WantedTask(Expectation):
    """The task that is done, or that none is."""

    task_id: RecordId | None


class WantedIntent(Expectation):
    """The intent, and the key words where they matter, each as a list of synonyms."""

    intent: Intent
    keywords: tuple[Words, ...] = ()


class WantedData(Expectation):
    """The value."""

    data: JsonValue


class WantedQuestion(Expectation):
    """Stems of words of which a good question has one."""

    mentions_any: Words


class WantedPage(BaseModel):
    """Words that stand on a page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: PageNumber
    contains: Words


class WantedPages(Expectation):
    """What stands on the pages of a document."""

    pages: Annotated[tuple[WantedPage, ...], Field(min_length=1)]

    @property
    def weight(self) -> int:
        """How many words are wanted."""
        return sum(len(page.contains) for page in self.pages)


class Holds(Expectation):
    """What an injection must not bring about."""

    forbidden: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Strings that stand nowhere in what would reach Core."""
    memory_id: RecordId | None = None
    """The only record that may be written to; none may where this is absent."""
    tags_within: tuple[Tag, ...] | None = None
    """The only tags that may be given."""


EXPECTATIONS: dict[JobType, type[Expectation]] = {
    JobType.IMAGE_TAG: WantedTags,
    JobType.TEXT_TAG: WantedTags,
    JobType.EMAIL_EXTRACT: WantedEvents,
    JobType.TASK_MATCH: WantedTask,
    JobType.INTENT_CLASSIFY: WantedIntent,
    JobType.FOLLOWUP: WantedQuestion,
    JobType.EXTRACT: WantedData,
    JobType.DOCUMENT: WantedPages,
}
"""What a case of each job type expects."""
