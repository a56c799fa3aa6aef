"""From what was wanted and what was found to counts: pure, one function for each kind of answer.

Every answer is counted the same way: how many things were wanted, how many were found, how many
of these hit. Where a list is answered (tags, events) the score is F1; elsewhere it is the share of
what was wanted. Nothing wanted and nothing found is right: it scores 1.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from unicodedata import normalize

from pydantic import JsonValue

from shared.schemas import (
    DocumentResult,
    EmailExtractResult,
    ExtractedEvent,
    ExtractResult,
    FollowupResult,
    ImageTagResult,
    IntentClassifyResult,
    TaskMatchResult,
    TextTagResult,
)
from worker.evaluation.expectations import (
    WantedData,
    WantedEvents,
    WantedIntent,
    WantedPages,
    WantedQuestion,
    WantedTags,
    WantedTask,
)
from worker.handlers.tags import fold_tags

Share = tuple[int, int]
"""So many of so many."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one answer, or many together, came to.

    Attributes:
        also: further shares by name, which do not make the score.
    """

    hits: int
    found: int
    wanted: int
    also: Mapping[str, Share] = field(default_factory=dict[str, Share])


def f1(mark: Mark) -> float:
    """The harmonic mean of precision and recall: twice the hits over found plus wanted."""
    return share(2 * mark.hits, mark.found + mark.wanted)


def recall(mark: Mark) -> float:
    """The share of what was wanted that was found."""
    return share(mark.hits, mark.wanted)


def precision(mark: Mark) -> float:
    """The share of what was found that was wanted."""
    return share(mark.hits, mark.found)


def share(part: int, whole: int) -> float:
    """`part / whole`; none of nothing is all of it."""
    return part / whole if whole else 1.0


def pooled(marks: Iterable[Mark]) -> Mark:
    """Many marks as one: each thing counts the same, whichever case it is from."""
    hits = found = wanted = 0
    also: dict[str, Share] = {}
    for mark in marks:
        hits, found, wanted = hits + mark.hits, found + mark.found, wanted + mark.wanted
        for name, (part, whole) in mark.also.items():
            parts, wholes = also.get(name, (0, 0))
            also[name] = (parts + part, wholes + whole)
    return Mark(hits, found, wanted, also)


def tags_mark(wanted: WantedTags, result: ImageTagResult | TextTagResult) -> Mark:
    """Tags against groups of synonyms: each tag answers one group, each group one tag.

    `sea` and `ocean` for one group are one hit, and one tag too many.
    """
    said = [tag.casefold() for tag in fold_tags(result.tags)]
    groups = [_folded(group) for group in wanted.tags]
    hits = pair_off(said, groups, lambda tag, group: tag in group)
    return Mark(hits, len(said), len(groups))


def events_mark(wanted: WantedEvents, result: EmailExtractResult) -> Mark:
    """Events one to one by their time: the same instant, or the same day for all-day ones.

    A timed event is no all-day event. Whether it is also about the right thing is counted beside
    that (`about`): of events at one time, those are paired whose descriptions have the words.
    """
    wants, finds = (
        defaultdict[Hashable, list[set[str]]](list),
        defaultdict[Hashable, list[str]](list),
    )
    for event in wanted.events:
        wants[_moment(event.event_time)].append({_plain(word) for word in event.about or ()})
    for event in result.events:
        finds[_moment(event.event_time)].append(_said(event))
    pairs = [(finds[at], wants[at]) for at in wants if at in finds]
    hits = sum(min(len(said), len(about)) for said, about in pairs)
    right = sum(pair_off(said, about, _is_about) for said, about in pairs)
    return Mark(hits, len(result.events), len(wanted.events), {"about": (right, hits)})


def task_mark(wanted: WantedTask, result: TaskMatchResult) -> Mark:
    """The very task, or rightly none; `none` is the share of nones that were right."""
    right = int(result.task_id == wanted.task_id)
    said_none = result.task_id is None
    return Mark(right, 1, 1, {"none": (right, 1)} if said_none else {})


def intent_mark(wanted: WantedIntent, result: IntentClassifyResult) -> Mark:
    """The very intent; `keywords` is the share of the wanted key words that were given."""
    said = [tag.casefold() for tag in fold_tags(result.keywords)]
    groups = [_folded(group) for group in wanted.keywords]
    hits = pair_off(said, groups, lambda word, group: word in group)
    right = int(result.intent == wanted.intent)
    return Mark(right, 1, 1, {"keywords": (hits, len(groups))} if groups else {})


def data_mark(wanted: WantedData, result: ExtractResult) -> Mark:
    """The very value; `fields` is the share of its leaves that are right.

    Leaves that only one of both has count as wrong; an absent one equals null. Items of arrays
    are compared by place, numbers by value, strings without regard to their white space.
    """
    want, found = dict(_leaves(wanted.data)), dict(_leaves(result.data))
    paths = want.keys() | found.keys()
    right = sum(want.get(path) == found.get(path) for path in paths)
    return Mark(int(right == len(paths)), 1, 1, {"fields": (right, len(paths))})


def question_mark(wanted: WantedQuestion, result: FollowupResult) -> Mark:
    """Whether the question has one of the stems."""
    question = _plain(result.question)
    return Mark(int(any(_plain(stem) in question for stem in wanted.mentions_any)), 1, 1)


def pages_mark(wanted: WantedPages, result: DocumentResult) -> Mark:
    """How many of the words stand on their pages; `pages` is the share of pages that have all."""
    text = {page.page: _plain(page.markdown) for page in result.pages}
    held = [
        [_plain(word) in text.get(page.page, "") for word in page.contains] for page in wanted.pages
    ]
    words = [there for page in held for there in page]
    whole = sum(all(page) for page in held)
    return Mark(sum(words), len(words), len(words), {"pages": (whole, len(held))})


def pair_off(
    found: Sequence[str], wanted: Sequence[set[str]], fits: Callable[[str, set[str]], bool]
) -> int:
    """The most pairs that can be made when each is in one pair only (augmenting paths)."""
    taken_by: dict[int, int] = {}

    def place(at: int, tried: set[int]) -> bool:
        for want, group in enumerate(wanted):
            if want in tried or not fits(found[at], group):
                continue
            tried.add(want)
            if want not in taken_by or place(taken_by[want], tried):
                taken_by[want] = at
                return True
        return False

    return sum(place(at, set()) for at in range(len(found)))


def _folded(group: Iterable[str]) -> set[str]:
    return {tag.casefold() for tag in fold_tags(group)}


def _is_about(said: str, about: set[str]) -> bool:
    return not about or any(word in said for word in about)


def _said(event: ExtractedEvent) -> str:
    return _plain(event.description)


def _moment(when: datetime | date) -> Hashable:
    return when.astimezone(UTC) if isinstance(when, datetime) else ("all day", when)


def _plain(text: str) -> str:
    return " ".join(normalize("NFKC", text).casefold().split())


def _leaves(value: JsonValue, path: tuple[str | int, ...] = ()) -> Iterator[tuple[object, object]]:
    """What stands at the ends of a value; true is no 1, and an empty object nothing at all."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from _leaves(inner, (*path, at))
    elif value is not None:
        kind = "number" if type(value) in {int, float} else type(value).__name__
        said = " ".join(normalize("NFC", value).split()) if isinstance(value, str) else value
        yield path, (kind, repr(said) if isinstance(said, list) else said)
