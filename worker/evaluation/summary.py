"""Many cases in a few figures: pure."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from worker.evaluation.metrics import F1
from worker.evaluation.report import CaseOutcome, SetReport
from worker.evaluation.scoring import pooled, precision, recall, share


@dataclass(frozen=True, slots=True)
class Summary:
    """What a set came to.

    Attributes:
        cases: how many were run, repeats included.
        valid: how many of them have a result.
        score: the set's figure, over all that was wanted and found in all cases together.
        also: further figures by name, such as `precision`; `exact` is the share of cases in which
            everything was right.
        causes: why cases have no result, the most frequent first.
        median_s, p95_s: seconds that a case took; the p95 is a case's own time (nearest rank).
    """

    cases: int
    valid: int
    score: float
    also: dict[str, float]
    calls: int = 0
    reasks: int = 0
    repaired: int = 0
    dropped: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    median_s: float = 0.0
    p95_s: float = 0.0
    causes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


def summarise(of: SetReport) -> Summary:
    """The figures of a set, or of as much of it as was run."""
    cases = of.cases
    total = pooled(case.mark for case in cases)
    seconds = sorted(case.spent.seconds for case in cases) or [0.0]
    return Summary(
        cases=len(cases),
        valid=sum(case.valid for case in cases),
        score=of.figure.score(total) if cases else 0.0,
        also=_also(of),
        calls=sum(case.spent.calls for case in cases),
        reasks=sum(case.spent.reasks for case in cases),
        repaired=sum(case.spent.repaired for case in cases),
        dropped=sum(case.spent.dropped for case in cases),
        tokens_in=sum(case.spent.tokens_in for case in cases),
        tokens_out=sum(case.spent.tokens_out for case in cases),
        median_s=median(seconds),
        p95_s=seconds[math.ceil(len(seconds) * 0.95) - 1],
        causes=_causes(cases),
    )


def _also(of: SetReport) -> dict[str, float]:
    total = pooled(case.mark for case in of.cases)
    shares = {name: share(*parts) for name, parts in total.also.items()}
    if of.figure is not F1 or not of.cases:
        return shares
    exact = share(sum(case.score == 1 for case in of.cases), len(of.cases))
    return {"precision": precision(total), "recall": recall(total), "exact": exact} | shares


def _causes(cases: Sequence[CaseOutcome]) -> dict[str, list[str]]:
    found = [(case.error.cause, case.id) for case in cases if case.error is not None]
    often = Counter(cause for cause, _ in found).most_common()
    return {cause: [name for its, name in found if its == cause] for cause, _ in often}
