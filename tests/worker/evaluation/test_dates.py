"""The date resolver on the set that comes with the project."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from worker.evaluation.dates import DateScore, WrongDate, load_cases, score

CASES = Path(__file__).parents[3] / "evaluation" / "date_expressions"


def test_at_least_98_percent_of_at_least_200() -> None:
    """What the resolver is held to, without any model."""
    result = score(CASES)
    assert result.total >= 200
    assert result.share >= 0.98, result.wrong


def test_every_case_is_its_own() -> None:
    """Ids are unique, and no line is there twice."""
    cases = load_cases(CASES)
    assert len({case.id for case in cases}) == len(cases)
    assert len({case.model_dump_json(exclude={"id"}) for case in cases}) == len(cases)


def test_most_days_must_come_from_the_quote() -> None:
    """A set in which the model is always right would show nothing."""
    cases = load_cases(CASES)
    misled = [
        case
        for case in cases
        if case.expect is not None and case.said.local_date != case.expect[:10]
    ]
    assert len(misled) > len(cases) / 3


def test_a_wrong_one_is_told(tmp_path: Path) -> None:
    """With what was expected and what was found."""
    said = {"quote": "", "local_date": "2026-06-02", "local_time": None, "weekday": None}
    case = {
        "id": "one",
        "sent": "2026-06-01T09:00:00+03:00",
        "zone": "Europe/Athens",
        "said": said | {"zone": None},
    }
    lines = [json.dumps(case | {"expect": expect}) for expect in ("2026-06-02", None)]
    (tmp_path / "cases.jsonl").write_text("\n".join(lines), encoding="utf-8")
    result = score(tmp_path)
    assert result == DateScore(1, 2, (WrongDate("one", None, "2026-06-02"),))
    assert result.share == 0.5


def test_a_broken_set_is_told(tmp_path: Path) -> None:
    """A line that is no case is no wrong answer."""
    with pytest.raises(FileNotFoundError):
        score(tmp_path)
    (tmp_path / "cases.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(ValidationError):
        score(tmp_path)
    (tmp_path / "cases.jsonl").write_text("", encoding="utf-8")
    assert score(tmp_path).share == 0.0
