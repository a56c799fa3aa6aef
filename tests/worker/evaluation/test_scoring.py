"""Counts and figures, against examples that were worked out by hand."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enums import Intent
from shared.schemas import (
    DocumentResult,
    EmailExtractResult,
    ExtractResult,
    FollowupResult,
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
from worker.evaluation.scoring import (
    Mark,
    data_mark,
    events_mark,
    f1,
    intent_mark,
    pages_mark,
    pair_off,
    pooled,
    precision,
    question_mark,
    recall,
    tags_mark,
    task_mark,
)


def _tags(wanted: list[list[str]], said: list[str]) -> Mark:
    return tags_mark(
        WantedTags.model_validate({"tags": wanted}), TextTagResult(memory_id="m", tags=said)
    )


def _events(wanted: list[dict[str, Any]], found: list[tuple[str, str]]) -> Mark:
    result = {
        "events": [
            {"event_time": when, "description": what, "confidence": 1, "evidence": "x"}
            for when, what in found
        ]
    }
    return events_mark(
        WantedEvents.model_validate({"events": wanted}), EmailExtractResult.model_validate(result)
    )


def _counts(mark: Mark) -> tuple[int, int, int]:
    return mark.hits, mark.found, mark.wanted


@pytest.mark.parametrize(
    ("wanted", "said", "counts"),
    [
        ([["sea", "ocean"], ["ferry"]], ["ferry", "sea"], (2, 2, 2)),
        ([["sea", "ocean"]], ["sea", "ocean"], (1, 2, 1)),
        ([["sea"], ["sea", "ocean"]], ["sea", "ocean"], (2, 2, 2)),
        ([["sea", "ocean"], ["sea"]], ["sea", "ocean"], (2, 2, 2)),
        ([["Größe"], ["Straße"]], ["#größe", "STRASSE."], (2, 2, 2)),
        ([["sea"]], ["mountain"], (0, 1, 1)),
        ([["sea"]], [], (0, 0, 1)),
        ([], ["sea"], (0, 1, 0)),
        ([], [], (0, 0, 0)),
        ([["sea"]], ["Sea", "sea "], (1, 1, 1)),
    ],
)
def test_tags_pair_off_with_groups(
    wanted: list[list[str]], said: list[str], counts: tuple[int, int, int]
) -> None:
    """Folded as they are stored; each group once, each tag once, as many pairs as can be made."""
    assert _counts(_tags(wanted, said)) == counts


@pytest.mark.parametrize(
    ("mark", "figures"),
    [
        (Mark(2, 4, 3), (0.5, 2 / 3, 4 / 7)),
        (Mark(0, 0, 0), (1.0, 1.0, 1.0)),
        (Mark(0, 0, 3), (1.0, 0.0, 0.0)),
        (Mark(0, 2, 0), (0.0, 1.0, 0.0)),
        (Mark(3, 3, 3), (1.0, 1.0, 1.0)),
    ],
)
def test_precision_recall_and_f1(mark: Mark, figures: tuple[float, float, float]) -> None:
    """None of nothing is all of it; F1 is twice the hits over found plus wanted."""
    assert (precision(mark), recall(mark), f1(mark)) == pytest.approx(figures)


def test_marks_are_pooled() -> None:
    """Each thing counts the same, and further shares are added up by their names."""
    marks = [Mark(1, 2, 1, {"about": (1, 1)}), Mark(0, 0, 0), Mark(2, 2, 3, {"about": (1, 2)})]
    assert pooled(marks) == Mark(3, 4, 4, {"about": (2, 3)})
    assert pooled([]) == Mark(0, 0, 0)


NOON = "2026-11-26T12:00:00+02:00"


@pytest.mark.parametrize(
    ("wanted", "found", "counts", "about"),
    [
        ([{"event_time": NOON}], [("2026-11-26T10:00:00Z", "a")], (1, 1, 1), (1, 1)),
        ([{"event_time": NOON}], [("2026-11-26T12:00:00Z", "a")], (0, 1, 1), (0, 0)),
        ([{"event_time": "2026-11-26"}], [("2026-11-26", "a")], (1, 1, 1), (1, 1)),
        ([{"event_time": "2026-11-26"}], [("2026-11-26T00:00:00Z", "a")], (0, 1, 1), (0, 0)),
        ([{"event_time": "2026-11-26T00:00:00Z"}], [("2026-11-26", "a")], (0, 1, 1), (0, 0)),
        ([{"event_time": NOON}], [(NOON, "a"), (NOON, "b")], (1, 2, 1), (1, 1)),
        ([{"event_time": NOON}] * 2, [(NOON, "a")], (1, 1, 2), (1, 1)),
        ([], [], (0, 0, 0), (0, 0)),
        ([], [(NOON, "a")], (0, 1, 0), (0, 0)),
        (
            [{"event_time": NOON, "about": ["dentist"]}],
            [(NOON, "Check-up with the DENTIST")],
            (1, 1, 1),
            (1, 1),
        ),
        ([{"event_time": NOON, "about": ["dentist"]}], [(NOON, "Lunch")], (1, 1, 1), (0, 1)),
        (
            [
                {"event_time": NOON, "about": ["lunch", "call"]},
                {"event_time": NOON, "about": ["call"]},
            ],
            [(NOON, "call"), (NOON, "lunch")],
            (2, 2, 2),
            (2, 2),
        ),
        (
            [{"event_time": NOON, "about": ["call"]}, {"event_time": NOON}],
            [(NOON, "call")],
            (1, 1, 2),
            (1, 1),
        ),
    ],
)
def test_events_pair_off_by_their_time(
    wanted: list[dict[str, Any]],
    found: list[tuple[str, str]],
    counts: tuple[int, int, int],
    about: tuple[int, int],
) -> None:
    """One to one: the same instant or the same whole day; the words are counted beside that."""
    mark = _events(wanted, found)
    assert _counts(mark) == counts
    assert mark.also == {"about": about}


@pytest.mark.parametrize(
    ("wanted", "said", "right", "also"),
    [
        ("t1", "t1", 1, {}),
        ("t1", "t2", 0, {}),
        ("t1", None, 0, {"none": (0, 1)}),
        (None, "t1", 0, {}),
        (None, None, 1, {"none": (1, 1)}),
    ],
)
def test_a_task_is_right_or_wrong(
    wanted: str | None, said: str | None, right: int, also: dict[str, tuple[int, int]]
) -> None:
    """None may be the right answer; how many of the nones were is counted apart."""
    result = TaskMatchResult(
        memory_id="m", task_id=said, task_description="d" if said else None, confidence=1
    )
    assert task_mark(WantedTask(task_id=wanted), result) == Mark(right, 1, 1, also)


def test_an_intent_is_right_or_wrong() -> None:
    """Key words are counted beside it, where any are wanted."""
    result = IntentClassifyResult(query="q", intent=Intent.EVENT_SEARCH, keywords=["Jutland", "x"])
    right = WantedIntent(intent=Intent.EVENT_SEARCH)
    wrong = WantedIntent(intent=Intent.AMBIGUOUS, keywords=(("jutland",), ("trip", "tour")))
    assert intent_mark(right, result) == Mark(1, 1, 1)
    assert intent_mark(wrong, result) == Mark(0, 1, 1, {"keywords": (1, 2)})


@pytest.mark.parametrize(
    ("wanted", "found", "right", "fields"),
    [
        ({"a": 1, "b": "x"}, {"b": " x\n", "a": 1.0}, 1, (2, 2)),
        ({"a": 1}, {"a": True}, 0, (0, 1)),
        ({"a": 1}, {"a": "1"}, 0, (0, 1)),
        ({"a": 1, "b": None}, {"a": 1}, 1, (1, 1)),
        ({"a": 1}, {"a": 1, "b": 2}, 0, (1, 2)),
        ({"a": 1, "b": 2}, {"a": 1}, 0, (1, 2)),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, 0, (0, 2)),
        ({"a": [{"n": 1}, {"n": 2}]}, {"a": [{"n": 1}]}, 0, (1, 2)),
        ({"a": []}, {"a": []}, 1, (1, 1)),
        ({"a": []}, {"a": {}}, 0, (0, 1)),
        ({"a": []}, {}, 0, (0, 1)),
        (None, None, 1, (0, 0)),
        ("caf\u00e9", "cafe\u0301", 1, (1, 1)),
        ([], None, 0, (0, 1)),
    ],
)
def test_a_value_is_compared_leaf_by_leaf(
    wanted: Any, found: Any, right: int, fields: tuple[int, int]
) -> None:
    """All leaves right is right; absent equals null; true is no 1; arrays go by place."""
    mark = data_mark(WantedData(data=wanted), ExtractResult(data=found))
    assert mark == Mark(right, 1, 1, {"fields": fields})


@pytest.mark.parametrize(
    ("stems", "question", "right"),
    [
        (["when", "which day"], "On WHICH  day?", 1),
        (["wann"], "Wo?", 0),
        (["straße"], "Welche STRASSE?", 1),
    ],
)
def test_a_question_has_one_of_the_stems(stems: list[str], question: str, right: int) -> None:
    """In any case and spacing."""
    wanted = WantedQuestion(mentions_any=tuple(stems))
    assert question_mark(wanted, FollowupResult(question=question)) == Mark(right, 1, 1)


def test_pages_have_their_words() -> None:
    """Each word counts; a page that is not there has none."""
    wanted = WantedPages.model_validate(
        {
            "pages": [
                {"page": 1, "contains": ["Total due", "EUR"]},
                {"page": 2, "contains": ["x", "y"]},
                {"page": 3, "contains": ["z"]},
            ]
        }
    )
    result = DocumentResult.model_validate(
        {
            "page_count": 3,
            "pages": [
                {"page": 1, "markdown": "# TOTAL\ndue: none\ntotal due 3 eur"},
                {"page": 2, "markdown": "x"},
            ],
        }
    )
    assert pages_mark(wanted, result) == Mark(3, 5, 5, {"pages": (1, 3)})


_WORDS = st.sampled_from("abcdef")


@given(st.lists(_WORDS, max_size=6), st.lists(st.sets(_WORDS, min_size=1), max_size=6))
def test_as_many_pairs_as_can_be_made(found: Sequence[str], wanted: Sequence[set[str]]) -> None:
    """The same number as trying every way, whatever the order."""
    fits = pair_off(found, wanted, lambda word, group: word in group)
    assert fits == _most(list(found), list(wanted))
    assert fits == pair_off(found[::-1], wanted[::-1], lambda word, group: word in group)


def _most(found: list[str], wanted: list[set[str]]) -> int:
    """Every way tried."""
    if not found:
        return 0
    first, rest = found[0], found[1:]
    ways = [
        1 + _most(rest, wanted[:at] + wanted[at + 1 :])
        for at, group in enumerate(wanted)
        if first in group
    ]
    return max([_most(rest, wanted), *ways])
