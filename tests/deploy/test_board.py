"""The board: the file is what the code makes, Prometheus reads every query, nothing overlaps."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.board import BOARD_FILE, COLUMNS, SECTIONS, board_text
from tests.deploy.files import board, filled, queries
from tests.deploy.promtool import needs_promtool, promtool

PANELS = [panel for section in SECTIONS for panel in section.panels]


def test_the_file_is_what_the_code_makes() -> None:
    """`make board` writes it anew."""
    assert BOARD_FILE.read_text(encoding="utf-8") == board_text()


@needs_promtool
def test_prometheus_reads_every_query(tmp_path: Path) -> None:
    """Each stands as a recording rule in a file that `promtool check rules` takes."""
    rules = [
        {"record": f"board:{number}", "expr": filled(expr)}
        for number, expr in enumerate(queries().values())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    code, said = promtool("check", "rules", file)
    assert code == 0, said
    assert f"{len(rules)} rules found" in said


def test_panels_have_places_of_their_own() -> None:
    """No two overlap, none sticks out, and each has an id."""
    shown: list[dict[str, Any]] = board()["panels"]
    assert len({panel["id"] for panel in shown}) == len(shown)
    places = [panel["gridPos"] for panel in shown]
    assert all(place["x"] + place["w"] <= COLUMNS for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


def test_panels_are_told_apart() -> None:
    """Each title is there once, and so is each query: a panel twice is a panel too many."""
    assert len({panel.title for panel in PANELS}) == len(PANELS)
    assert len(set(queries().values())) == len(queries())


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_panels_say_how_to_read_them(panel: Any) -> None:
    """A sentence beside the title, a unit that Grafana knows, a name for every line."""
    assert panel.what.endswith(".")
    assert panel.unit in {"short", "s", "bytes", "percentunit"}
    assert all(query.legend for query in panel.queries)
    assert (panel.look.kind == "state-timeline") <= bool(panel.words)


def test_what_can_be_chosen() -> None:
    """The data source, and of workers and job types all unless some are chosen."""
    chosen = {each["name"]: each for each in board()["templating"]["list"]}
    assert chosen.keys() == {"datasource", "instance", "job_type"}
    text = "".join(queries().values())
    for name in ("instance", "job_type"):
        assert chosen[name]["includeAll"]
        assert f"${name}" in text
