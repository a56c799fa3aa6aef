"""docs/metrics.md says what the catalogue says."""

import re
from pathlib import Path

import pytest

from worker.observability.catalogue import GROUPS
from worker.observability.documented import BEGIN, END, filled, main

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/metrics.md"


def test_the_page_is_as_the_catalogue_has_it() -> None:
    """`make metrics-docs` would change nothing."""
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text) == text


def test_what_is_written_by_hand_stays(tmp_path: Path) -> None:
    """Only what is between the marks is made anew."""
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n{BEGIN}\n| of yore |\n{END}\nafter\n", encoding="utf-8")
    main(page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# Before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "yore" not in text
    for group in GROUPS:
        for metric in group.metrics:
            assert f"| `{metric.name}` | {metric.kind} |" in text


@pytest.mark.parametrize("text", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}\n"])
def test_a_page_without_its_marks(text: str) -> None:
    """It is said which lines it needs."""
    with pytest.raises(ValueError, match="the page needs a line"):
        filled(text)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))], ids=lambda page: page.name
)
def test_no_page_speaks_of_a_metric_that_is_none(page: Path) -> None:
    """Nor does a query in it: what it names is in the catalogue."""
    known = {metric.name for group in GROUPS for metric in group.metrics}
    known |= {f"{name}{end}" for name in known for end in ("_bucket", "_sum", "_count")}
    said = set(re.findall(r"\bllm_worker_\w*[a-z]\b", page.read_text(encoding="utf-8")))
    assert said <= known
