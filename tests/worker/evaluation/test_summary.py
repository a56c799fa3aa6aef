"""Figures of a set, and of two runs side by side."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from shared.enums import JobType
from worker.evaluation.comparing import Change, compare
from worker.evaluation.dataset import Kind
from worker.evaluation.report import (
    CaseError,
    CaseOutcome,
    Report,
    ReportError,
    RunSettings,
    SetReport,
    Spent,
    read_report,
    write_report,
)
from worker.evaluation.summary import summarise
from worker.evaluation.tables import comparison_tables, report_tables

SETTINGS = RunSettings(
    provider="vllm",
    servers=("127.0.0.1:8080",),
    text_model="mistral",
    vision_model="llava",
    structure="auto",
    fallbacks=(),
    timeout_s=60,
    vision_timeout_s=120,
    concurrency=8,
    attempts=1,
    repeat=1,
    limit=None,
)


def _case(name: str, hits: int, found: int, wanted: int, **more: Any) -> CaseOutcome:
    whole = found + wanted
    facts: dict[str, Any] = {"valid": True, "expected": None}
    score = 2 * hits / whole if whole else 1.0
    return CaseOutcome(
        id=name, score=score, hits=hits, found=found, wanted=wanted, **(facts | more)
    )


def _lost(name: str, cause: str, wanted: int = 1) -> CaseOutcome:
    return _case(name, 0, 0, wanted, valid=False, error=CaseError(cause=cause, message="m"))


def _set(*cases: CaseOutcome, name: str = "tags", metric: str = "F1") -> SetReport:
    return SetReport(
        name=name,
        kind=Kind.JOBS,
        job_type=JobType.TEXT_TAG,
        metric=metric,
        cases_there=len(cases),
        cases=cases,
    )


def _report(*sets: SetReport, **settings: Any) -> Report:
    return Report(
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        settings=SETTINGS.model_copy(update=settings),
        sets=sets,
    )


def _shown(what: RenderableType, width: int = 200) -> str:
    console = Console(width=width, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(what, highlight=False)
    return capture.get()


def test_figures_by_hand() -> None:
    """Pooled: 5 hits of 8 found and 9 wanted; two of four cases are exact."""
    found = summarise(
        _set(
            _case("a", 3, 3, 3, also={"about": (2, 3)}),
            _case("b", 2, 5, 4, also={"about": (1, 1)}),
            _case("c", 0, 0, 0),
            _lost("d", "timeout", 2),
        )
    )
    assert (found.cases, found.valid) == (4, 3)
    assert found.score == pytest.approx(10 / 17)
    assert found.also == pytest.approx(
        {"precision": 5 / 8, "recall": 5 / 9, "exact": 0.5, "about": 0.75}
    )
    assert found.causes == {"timeout": ["d"]}


def test_a_case_without_a_result_costs() -> None:
    """Whatever the figure: of two cases one is right."""
    rate = summarise(_set(_case("a", 1, 1, 1), _lost("b", "timeout"), metric="exact"))
    assert (rate.score, rate.also) == (0.5, {})


def test_costs_are_added_up() -> None:
    """The median is between the middle ones; the p95 is the nearest rank."""
    cases = [
        _case(str(n), 1, 1, 1, spent=Spent(seconds=n, calls=2, reasks=1, tokens_in=10, dropped=3))
        for n in range(1, 21)
    ]
    found = summarise(_set(*cases))
    assert (found.median_s, found.p95_s) == (10.5, 19)
    assert (found.calls, found.reasks, found.tokens_in, found.dropped) == (40, 20, 200, 60)


def test_nothing_was_run() -> None:
    """A run that was stopped at once has a score of nothing, not of all."""
    assert summarise(_set()).score == 0.0
    assert "tags  F1       none" in _shown(report_tables(_report(_set()), 200))


def test_the_most_frequent_cause_is_first() -> None:
    """With the cases it hit."""
    lost = [_lost("a", "timeout"), _lost("b", "truncated"), _lost("c", "truncated")]
    assert list(summarise(_set(*lost)).causes.items()) == [
        ("truncated", ["b", "c"]),
        ("timeout", ["a"]),
    ]


def test_a_comparison_by_hand() -> None:
    """Over what both have run; what changed most is first; repeats are averaged."""
    before = _set(
        _case("same", 1, 1, 1),
        _case("up", 0, 1, 1),
        _case("down", 1, 1, 1),
        _case("half", 1, 1, 1),
        _case("half", 1, 1, 1, run=2),
        _case("gone", 0, 1, 1),
    )
    after = _set(
        _case("same", 1, 1, 1),
        _case("up", 1, 1, 1),
        _lost("down", "timeout"),
        _case("half", 1, 1, 1),
        _case("half", 0, 1, 1, run=2),
        _case("new", 0, 1, 1),
    )
    [found] = compare(_report(before), _report(after)).sets
    assert (found.shared, found.only_before, found.only_after) == (4, 1, 1)
    assert found.better == (Change("up", 0.0, 1.0),)
    assert found.worse == (Change("down", 1.0, 0.0, "timeout"), Change("half", 1.0, 0.5))
    assert (found.before.cases, found.before.score) == (5, pytest.approx(8 / 10))
    assert (found.after.cases, found.after.score) == (5, pytest.approx(6 / 9))


def test_what_was_set_differently() -> None:
    """Settings that differ are told, sets that only one has too."""
    old = _report(_set(name="a"), _set(name="b"), text_model="small")
    new = _report(_set(name="b"), _set(name="c"), text_model="large")
    found = compare(old, new)
    assert found.settings == {"text_model": ("small", "large")}
    assert (found.only_before, found.only_after) == (("a",), ("c",))
    shown = _shown(comparison_tables(found))
    assert "text_model  small   large" in shown
    assert "Only the first run has a." in shown
    assert "Only the second run has c." in shown


def test_a_comparison_is_readable() -> None:
    """Both figures, their difference, and the cases with their direction."""
    old = _report(_set(_case("up", 0, 1, 1), _case("down", 1, 1, 1), _case("x", 1, 1, 1)))
    new = _report(_set(_case("up", 1, 1, 1), _lost("down", "timeout"), _case("x", 0, 1, 1)))
    shown = _shown(comparison_tables(compare(old, new)))
    assert "F1           0.667  0.400      -0.267" in shown
    assert "valid            3      2          -1" in shown
    assert "3 cases in both, 1 better, 2 worse" in shown
    assert "better  0.000 → 1.000  up" in shown
    assert "worse   1.000 → 0.000  down  (timeout)" in shown


def test_nothing_in_common() -> None:
    """A sentence, not an empty page."""
    shown = _shown(comparison_tables(compare(_report(_set(name="a")), _report())))
    assert "The two runs have no set in common." in shown


def test_the_table_fits_its_terminal() -> None:
    """One line a set where there is room; else the costs have a table of their own."""
    report = _report(_set(_case("a", 1, 1, 1), _lost("b", "timeout")), _set(name="other"))
    wide = _shown(report_tables(report, 200))
    assert len([line for line in wide.splitlines() if line.startswith("tags")]) == 2
    assert "tags          timeout      1  b" in wide
    narrow = _shown(report_tables(report, 80), 80)
    assert len([line for line in narrow.splitlines() if line.startswith("tags")]) == 3


def test_names_are_only_names() -> None:
    """A report may be anybody's: neither markup nor control characters reach the terminal."""
    evil = "[bold]y[/] \x1b[2J"
    lost = _lost(evil, evil)
    report = _report(_set(lost, _case("x", 1, 1, 1, also={evil: (1, 1)}), name=evil), provider=evil)
    shown = _shown(report_tables(report, 240), 240)
    other = _report(_set(_case(evil, 1, 1, 1), name=evil), _set(name="\x1b[2Jz"))
    shown += _shown(comparison_tables(compare(other, report)))
    assert shown.count("[bold]y[/]") >= 6
    assert "\x1b" not in shown


def test_a_report_comes_back(tmp_path: Path) -> None:
    """What was written is what is read, and nothing lies about beside it."""
    report = _report(_set(_case("a", 1, 2, 3, also={"about": (1, 2)}), _lost("b", "timeout")))
    file = tmp_path / "r.json"
    write_report(report, file)
    assert read_report(file) == report
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "a report of version None"),
        ("[]", "a report of version None"),
        ('{"schema_version": 2}', "a report of version 2; this reads 1"),
        ('{"schema_version": 1}', "no report: made_at: Field required"),
    ],
)
def test_no_report(tmp_path: Path, text: str, said: str) -> None:
    """A sentence with the file."""
    file = tmp_path / "r.json"
    file.write_text(text)
    with pytest.raises(ReportError) as caught:
        read_report(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """A sentence too; and an unknown figure is no report of ours."""
    with pytest.raises(ReportError, match="No such file"):
        read_report(tmp_path / "none.json")
    file = tmp_path / "r.json"
    write_report(_report(_set()), file)
    file.write_text(file.read_text().replace('"F1"', '"luck"'))
    with pytest.raises(ReportError, match="metric"):
        read_report(file)
