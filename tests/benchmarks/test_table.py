"""The table of the benchmarks: what it says of figures and targets."""

import io

from rich.console import Console

from benchmarks.table import BEST, CHEAPEST, IDEAL, Figure, Report, Row, Target, joined, number

OURS = Figure("llm-worker", (50.0, 40.0, 60.0))
ROW = Row(
    "CPU of a job",
    "µs",
    OURS,
    (Figure(IDEAL, (80.0,)), Figure("slow", (1000.0,)), Figure("quick", (200.0, 300.0))),
    (Target(0.7, of=IDEAL), Target(0.1, of=CHEAPEST), Target(60)),
)


def test_a_figure_is_its_median_and_its_spread():
    """One run has no spread, none no figure; a note is said in any case."""
    assert str(OURS) == "50.0 (40.0 to 60.0)"
    assert str(Figure("one", (1234.5,), "2 jobs lost")) == "1,234, 2 jobs lost"
    assert str(Figure("none", (), "never recovered")) == "never recovered"
    assert Figure("none", ()).median is None


def test_a_target_is_met_or_missed_by_so_much():
    """Relative to one by name, to the cheapest peer (the ideal loop is none), or to nothing."""
    assert [ROW.verdict(target) for target in ROW.targets] == [
        "met (0.62 x)",
        "missed by 100% (0.20 x)",
        "met (50.0 µs)",
    ]


def test_more_can_be_better():
    """A share of slots kept busy should be at least its bound."""
    row = Row("busy", "%", Figure("llm-worker", (97.0,)), (), (Target(98, at_least=True),))
    assert row.verdict(row.targets[0]) == "missed by 1% (97.0 %)"
    assert row.targets[0].text(row.unit) == "≥ 98 %"


def test_the_best_of_them_may_be_the_measure():
    """The greatest of those beside it, whoever that is."""
    target = Target(0.98, of=BEST, at_least=True)
    row = Row("speed", "/s", Figure("llm-worker", (97.0,)), ROW.others, (target,))
    assert target.text(row.unit) == "≥ 0.98 x the best of them"
    assert row.verdict(target) == "missed by 90% (0.10 x)"


def test_without_a_figure_there_is_no_verdict():
    """A contender that could not be measured proves nothing."""
    row = Row("CPU", "µs", Figure("llm-worker", ()), ROW.others, ROW.targets)
    assert {row.verdict(target) for target in row.targets} == {"no figure"}
    alone = Row("CPU", "µs", OURS, (), (Target(0.7, of=IDEAL),))
    assert alone.verdict(alone.targets[0]) == "no figure"


def test_a_report_survives_its_file():
    """What is read back is what was written."""
    report = Report({"date": "2026-11-21"}, (ROW,))
    assert Report.from_json(report.to_json()) == report


def test_reports_are_joined():
    """Rows follow each other; what the headers do not agree on is all said."""
    one, two = Report({"cores": "2", "date": "1"}, (ROW,)), Report({"cores": "2", "date": "2"}, ())
    assert joined([one, two]) == Report({"cores": "2", "date": "1; 2"}, (ROW,))


def test_a_run_that_was_cut_short_goes_on():
    """The same row of two reports is one, with the runs of both."""
    rest = Row(ROW.what, ROW.unit, Figure("llm-worker", (70.0,)), (Figure("new", (9.0,), "odd"),))
    [row] = joined([Report({}, (ROW,)), Report({}, (rest,))]).rows
    assert row.ours == Figure("llm-worker", (50.0, 40.0, 60.0, 70.0))
    assert row.others == (*ROW.others, Figure("new", (9.0,), "odd"))
    assert row.targets == ROW.targets


def test_it_is_printed_and_written_as_markdown():
    """Each row is one line of the Markdown table, whatever is in its names."""
    report = Report({"cpu": "a [b] c"}, (Row("a|b", "ms", OURS, ROW.others), ROW))
    lines = report.to_markdown().splitlines()
    assert lines[0] == "- cpu: a [b] c"
    assert [line.count(" | ") for line in lines[2:]] == [4, 4, 4, 4]
    out = io.StringIO()
    report.show(Console(file=out, width=200, force_terminal=True))
    assert "a [b] c" in out.getvalue()
    assert "slow: 1,000 [0.05]" in out.getvalue()
    out = io.StringIO()
    report.show(Console(file=out))
    assert out.getvalue() == report.to_markdown()


def test_numbers_have_the_digits_that_mean_something():
    """Three or so."""
    assert [number(x) for x in (1234.5, 99.94, 3.14159, 0.0)] == ["1,234", "99.9", "3.14", "0.00"]
