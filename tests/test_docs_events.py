"""What docs/events.md says of the events is what the contract says."""

from dataclasses import fields
from pathlib import Path

from shared.events import EventName, JobEvent
from worker.telling import WAITING_MAX

TEXT = (Path(__file__).parents[1] / "docs/events.md").read_text(encoding="utf-8")


def _rows(title: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_event_is_explained() -> None:
    """In the order of the contract, with what is promised of it."""
    rows = _rows("Events")
    assert [row[0].strip("`") for row in rows] == list(EventName)
    promised = [row[2] == "with the end, exactly once" for row in rows]
    assert promised == [name.is_end for name in EventName]


def test_every_field_is_explained() -> None:
    """No row is missing and none is left over."""
    assert [row[0].strip("`") for row in _rows("Fields")] == [f.name for f in fields(JobEvent)]


def test_the_bound_is_the_one_in_the_code() -> None:
    """How many wait at most."""
    assert f"more than {WAITING_MAX:,} wait" in TEXT
