"""`python -m worker.observability.documented`: writes the tables of docs/metrics.md anew.

What stands around them is written by hand; a test holds the file to the catalogue.
"""

import sys
from pathlib import Path

from worker.observability.catalogue import GROUPS
from worker.observability.catalogue.metric import Group, Metric

BEGIN = "<!-- made of worker/observability/catalogue: `make metrics-docs` -->"
END = "<!-- end of what is made -->"
_HEAD = "| name | kind | labels | what |\n| --- | --- | --- | --- |"


def tables() -> str:
    """The catalogue in Markdown, a table for each group."""
    return "\n".join(map(_table, GROUPS))


def filled(text: str) -> str:
    """A page with the tables of now between its two marks.

    Raises:
        ValueError: it has no such marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs a line {BEGIN} and a line {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def _table(group: Group) -> str:
    rows = "\n".join(map(_row, group.metrics))
    return (
        f"### {group.title}\n\n| name | kind | labels | what |\n| --- | --- | --- | --- |\n{rows}\n"
    )


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.sentence} |"


def main(page: Path) -> None:
    """Write them."""
    page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/metrics.md"))
