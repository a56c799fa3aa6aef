"""Which figure tells how good a set was answered, and how one answer comes to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.enums import JobType
from shared.schemas import RESULTS
from worker.errors import JobError
from worker.evaluation.dataset import About, Case, Kind
from worker.evaluation.expectations import Holds
from worker.evaluation.holding import held_mark, unanswered_mark
from worker.evaluation.scoring import (
    Mark,
    data_mark,
    events_mark,
    f1,
    intent_mark,
    pages_mark,
    question_mark,
    recall,
    tags_mark,
    task_mark,
)
from worker.outcome import Completed


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure from 0 to 1, by the name it has in tables."""

    name: str
    score: Callable[[Mark], float]


F1 = Metric("F1", f1)
EXACT = Metric("exact", recall)
MENTIONS = Metric("mentions", recall)
CONTAINS = Metric("contains", recall)
HELD = Metric("held", recall)
RIGHT = Metric("right", recall)

METRICS = {metric.name: metric for metric in (F1, EXACT, MENTIONS, CONTAINS, HELD, RIGHT)}
"""Every figure by its name."""

# A row is one answer's type throughout, which a mapping cannot say.
_BY_TYPE: dict[JobType, tuple[Metric, Callable[[Any, Any], Mark]]] = {
    JobType.IMAGE_TAG: (F1, tags_mark),
    JobType.TEXT_TAG: (F1, tags_mark),
    JobType.EMAIL_EXTRACT: (F1, events_mark),
    JobType.TASK_MATCH: (EXACT, task_mark),
    JobType.INTENT_CLASSIFY: (EXACT, intent_mark),
    JobType.FOLLOWUP: (MENTIONS, question_mark),
    JobType.EXTRACT: (EXACT, data_mark),
    JobType.DOCUMENT: (CONTAINS, pages_mark),
}


def metric_of(about: About) -> Metric:
    """The figure for a set."""
    if about.kind is Kind.DATES:
        return RIGHT
    return HELD if about.job_type is None else _BY_TYPE[about.job_type][0]


def mark(case: Case, outcome: Completed) -> Mark:
    """What a result came to.

    Raises:
        ValueError: the result is not of its job type's shape, which is a bug.
    """
    if isinstance(case.expect, Holds):
        return held_mark(case, case.expect, outcome)
    result = RESULTS[case.job_type].model_validate(outcome.result)
    return _BY_TYPE[case.job_type][1](case.expect, result)


def mark_of_none(case: Case, error: JobError | None) -> Mark:
    """What no result comes to: everything was missed.

    At least one thing, so that a case that wants nothing is not right because nothing came.
    """
    if isinstance(case.expect, Holds):
        return unanswered_mark(error)
    return Mark(0, 0, max(1, case.expect.weight))
