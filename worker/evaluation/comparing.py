"""Two runs side by side, over the cases that both have: pure."""

from dataclasses import dataclass
from math import fsum

from worker.evaluation.report import Report, SetReport
from worker.evaluation.summary import Summary, summarise


@dataclass(frozen=True, slots=True)
class Change:
    """A case that went differently; the scores are means over its runs."""

    case_id: str
    before: float
    after: float
    why: str = ""
    """Why it has no result afterwards."""


@dataclass(frozen=True, slots=True)
class SetComparison:
    """One set in both runs.

    Attributes:
        shared: how many cases both have run; the summaries are over these.
        only_before, only_after: how many cases only one has.
        better, worse: cases whose score changed, the greatest change first.
    """

    name: str
    metric: str
    shared: int
    only_before: int
    only_after: int
    before: Summary
    after: Summary
    better: tuple[Change, ...]
    worse: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports.

    Attributes:
        sets: those that both have run.
        only_before, only_after: names of sets that only one has.
        settings: what was set differently: name → both values.
    """

    sets: tuple[SetComparison, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    settings: dict[str, tuple[str, str]]


def compare(before: Report, after: Report) -> Comparison:
    """What changed from one run to the other; sets belong together by name and figure."""
    olds = {(each.name, each.metric): each for each in before.sets}
    news = {(each.name, each.metric): each for each in after.sets}
    return Comparison(
        sets=tuple(_compare_sets(olds[key], news[key]) for key in olds if key in news),
        only_before=tuple(name for name, metric in olds if (name, metric) not in news),
        only_after=tuple(name for name, metric in news if (name, metric) not in olds),
        settings=_settings(before, after),
    )


def _compare_sets(old: SetReport, new: SetReport) -> SetComparison:
    before, after = _scores(old), _scores(new)
    shared = before.keys() & after.keys()
    why = {case.id: case.error.cause for case in new.cases if case.error is not None}
    changes = [
        Change(name, before[name], after[name], why.get(name, ""))
        for name in before
        if name in shared and before[name] != after[name]
    ]
    changes.sort(key=lambda change: -abs(change.after - change.before))
    return SetComparison(
        name=old.name,
        metric=old.metric,
        shared=len(shared),
        only_before=len(before) - len(shared),
        only_after=len(after) - len(shared),
        before=summarise(_only(old, shared)),
        after=summarise(_only(new, shared)),
        better=tuple(change for change in changes if change.after > change.before),
        worse=tuple(change for change in changes if change.after < change.before),
    )


def _scores(of: SetReport) -> dict[str, float]:
    by_case: dict[str, list[float]] = {}
    for case in of.cases:
        by_case.setdefault(case.id, []).append(case.score)
    return {name: fsum(scores) / len(scores) for name, scores in by_case.items()}


def _only(of: SetReport, ids: set[str]) -> SetReport:
    return of.model_copy(update={"cases": tuple(case for case in of.cases if case.id in ids)})


def _settings(before: Report, after: Report) -> dict[str, tuple[str, str]]:
    old, new = _facts(before), _facts(after)
    names = [*old, *(name for name in new if name not in old)]
    pairs = {name: (old.get(name, "none"), new.get(name, "none")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _facts(report: Report) -> dict[str, str]:
    settings = report.settings.model_dump(mode="json")
    facts = {name: _shown(value) for name, value in settings.items()}
    for each in report.sets:
        facts |= {f"{each.name}: prompts": _shown(each.prompts)}
        facts |= {f"{each.name}: models": _shown(each.models)}
    return facts


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value) or "none"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- JSON of our own
    return "none" if value is None else str(value)
