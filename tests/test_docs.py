"""What the docs say of tables in the code is what the tables say."""

import re
from pathlib import Path

import pytest

from worker.llm.causes import RULES, Disposition, rule
from worker.llm.providers import PROVIDERS
from worker.llm_config import StructureName

MODELS = (Path(__file__).parents[1] / "docs/models.md").read_text(encoding="utf-8")
SAID = {
    Disposition.REASK: "asked again",
    Disposition.RETRY: "retry",
    Disposition.SNOOZE: "wait",
    Disposition.REJECT: "dead letter",
    Disposition.HALT: "stop",
}


def _rows(title: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = MODELS.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


CAUSES = {
    name: (follows, counts)
    for names, _, follows, counts in _rows("What can go wrong")
    for name in re.findall(r"`(\w+)`", names)
}


def test_every_cause_is_explained() -> None:
    """No row is missing and none is left over."""
    classes = {"http_3xx", "http_4xx", "http_5xx"}
    assert CAUSES.keys() == {str(name) for name in RULES} | classes


@pytest.mark.parametrize("cause", CAUSES)
def test_what_follows_is_what_is_said(cause: str) -> None:
    """The disposition, and whether the breaker counts it."""
    found = rule(cause.replace("xx", "99"))
    assert CAUSES[cause] == (SAID[found.disposition], "yes" if found.against_server else "no")


def test_every_provider_is_explained() -> None:
    """Each with its usual way to give answers their shape."""
    rows = {row[0].strip("`"): row for row in _rows("Providers")}
    assert rows.keys() == {str(name) for name in PROVIDERS}
    for name, preset in PROVIDERS.items():
        said = rows[name][2]
        way = "tool" if preset.structure is StructureName.TOOL else str(preset.structure)
        assert way in said
        if preset.base_url.startswith("http://localhost"):
            assert preset.base_url in rows[name][1]
