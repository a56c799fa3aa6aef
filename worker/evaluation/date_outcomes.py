"""The date resolver's score as cases, so that it stands in the same tables and reports."""

from worker.evaluation.dataset import Dataset
from worker.evaluation.dates import score
from worker.evaluation.report import CaseOutcome


def score_dates(dataset: Dataset, limit: int | None) -> list[CaseOutcome]:
    """Resolve every date of a set; no model is asked.

    Args:
        dataset: a set of dates.
        limit: so many of them, the first; None for all.
    """
    wrong = {each.id: each for each in score(dataset.folder).wrong}
    return [
        CaseOutcome(
            id=case.id,
            valid=True,
            score=float(case.id not in wrong),
            hits=int(case.id not in wrong),
            found=1,
            wanted=1,
            expected=case.expect,
            answer=wrong[case.id].found if case.id in wrong else case.expect,
        )
        for case in dataset.dates[:limit]
    ]
