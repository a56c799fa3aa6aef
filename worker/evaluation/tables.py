"""Reports as tables for people; what files say is shown as text, never as markup."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from worker.evaluation.comparing import Change, Comparison, SetComparison
from worker.evaluation.report import Report, SetReport
from worker.evaluation.summary import Summary, summarise

_MOST_NAMED = 5
_MOST_CHANGES = 20
_ONE_TABLE = 150
_COSTS_FROM = 6
_ROWS = (
    "cases",
    "valid",
    "re-asks",
    "repaired",
    "dropped",
    "calls",
    "tokens in",
    "tokens out",
    "median s",
    "p95 s",
)


def report_tables(report: Report, width: int) -> RenderableType:
    """A row for each set, and below it why cases have no result.

    Args:
        report: what to show.
        width: columns of the terminal; where they are few, the costs go into a table of their own.
    """
    columns = ("set", "metric", ">score", "also", *(f">{name}" for name in _ROWS))
    rows = [_row(each) for each in report.sets]
    parts = [_filled(columns, rows)]
    if width < _ONE_TABLE:
        costs = (0, *range(_COSTS_FROM, len(columns)))
        cost_rows = [[row[at] for at in costs] for row in rows]
        parts = [
            _filled(columns[:_COSTS_FROM], [row[:_COSTS_FROM] for row in rows]),
            "",
            _filled([columns[at] for at in costs], cost_rows),
        ]
    without = [line for each in report.sets for line in _without(each)]
    if without:
        parts += ["", _filled(("no result in", "cause", ">cases", "such as"), without)]
    return Group(*parts)


def comparison_tables(comparison: Comparison) -> RenderableType:
    """What was set differently, the figures of each set in both runs, the cases that changed."""
    parts: list[RenderableType] = []
    if comparison.settings:
        table = _table("setting", "before", "after")
        for name, (old, new) in comparison.settings.items():
            table.add_row(_safe(name), _safe(old), _safe(new))
        parts += [table, ""]
    for each in comparison.sets:
        parts += [_side_by_side(each), *_changes(each), ""]
    for names, where in ((comparison.only_before, "first"), (comparison.only_after, "second")):
        if names:
            parts.append(Text(f"Only the {where} run has {_plain(', '.join(names))}."))
    if not comparison.sets:
        parts.append(Text("The two runs have no set in common."))
    return Group(*parts)


def _side_by_side(each: SetComparison) -> RenderableType:
    table = _table(_safe(each.name), ">before", ">after", ">difference")
    old, new = each.before, each.after
    for name, left, right in (
        (each.metric, old.score, new.score),
        *((key, old.also.get(key), new.also.get(key)) for key in {**old.also, **new.also}),
    ):
        table.add_row(_safe(name), _share(left), _share(right), _difference(left, right))
    for name, left, right in zip(_ROWS, _numbers(old), _numbers(new), strict=True):
        change = "" if left == right else f"{right - left:+,.3g}"
        if isinstance(right, int) and left != right:
            change = f"{right - left:+,}"
        table.add_row(name, _number(left), _number(right), change)
    return table


def _changes(each: SetComparison) -> Iterable[RenderableType]:
    told = f"{each.shared} cases in both, {len(each.better)} better, {len(each.worse)} worse"
    for count, where in ((each.only_before, "first"), (each.only_after, "second")):
        told += f"; {count} only in the {where} (left out here)" if count else ""
    yield Text(told)
    for title, colour, changes in (("better", "green", each.better), ("worse", "red", each.worse)):
        yield from (_change(title, colour, change) for change in changes[:_MOST_CHANGES])
        if len(changes) > _MOST_CHANGES:
            yield Text(f"  {title}  … and {len(changes) - _MOST_CHANGES} more")


def _change(title: str, colour: str, change: Change) -> Text:
    why = f"  ({_plain(change.why)})" if change.why else ""
    line = Text(f"  {title:<6}  ", style=colour)
    return line.append(
        f"{_share(change.before)} → {_share(change.after)}  {_plain(change.case_id)}{why}",
        style="default",
    )


def _safe(text: str) -> str:
    return escape(_plain(text))


def _plain(text: str) -> str:
    """Without what could steer a terminal: a report may be somebody else's file."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _row(of: SetReport) -> list[str]:
    found = summarise(of)
    score = _share(found.score) if found.cases else "none"
    also = ", ".join(f"{_safe(name)} {_share(value)}" for name, value in found.also.items())
    return [_safe(of.name), of.metric, score, also, *map(_number, _numbers(found))]


def _without(of: SetReport) -> Iterable[list[str]]:
    for cause, ids in summarise(of).causes.items():
        names = [_safe(name) for name in dict.fromkeys(ids)]
        yield [_safe(of.name), _safe(cause), str(len(ids)), _some(names)]


def _filled(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> RenderableType:
    table = _table(*columns)
    for row in rows:
        table.add_row(*row)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in columns:
        right = name.startswith(">")
        table.add_column(name.lstrip(">"), justify="right" if right else "left", overflow="fold")
    return table


def _numbers(found: Summary) -> tuple[float, ...]:
    return (
        found.cases,
        found.valid,
        found.reasks,
        found.repaired,
        found.dropped,
        found.calls,
        found.tokens_in,
        found.tokens_out,
        found.median_s,
        found.p95_s,
    )


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _difference(left: float | None, right: float | None) -> str:
    if left is None or right is None or left == right:
        return ""
    return f"{right - left:+.3f}"


def _some(names: Sequence[str]) -> str:
    more = f", … {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
