"""docs/operations.md is for three in the morning: what it says to type, set or look at is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import typer.main

from deploy.grafana.board import SECTIONS
from tests.deploy.files import ROOT
from worker.cli import app
from worker.config import Settings

PAGE = ROOT / "docs/operations.md"
TEXT = PAGE.read_text(encoding="utf-8")
TITLES = {panel.title for section in SECTIONS for panel in section.panels}


def _options(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Every command, as words, with its options."""
    if not hasattr(command, "commands"):
        yield words, {option for param in command.params for option in param.opts}
        return
    context = command.make_context("llm-worker", [], resilient_parsing=True)
    for name in cast("list[str]", command.list_commands(context)):
        yield from _options(command.get_command(context, name), (*words, name))


COMMANDS = dict(_options(typer.main.get_command(app), ()))


@pytest.mark.parametrize("line", sorted(set(re.findall(r"`[^`]*?llm-worker ([^`]+)`", TEXT))))
def test_commands_are_there(line: str) -> None:
    """Each with its options."""
    words = re.sub(r"'[^']*'", "", line).split()
    known = next(w for w in COMMANDS if tuple(words[: len(w)]) == w)
    options = {word for word in words if word.startswith("--")}
    assert options <= COMMANDS[known] | {"--help"}


def test_settings_are_there() -> None:
    """Each in capitals is one of the worker's, or of compose.yaml."""
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    known = {name.upper() for name in Settings.model_fields}
    known |= set(re.findall(r"\$\{(\w+)", compose)) | {"REASON", "TENANT", "TYPE", "JOB", "XADD"}
    told = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b", TEXT))
    assert told <= known


def test_panels_are_there() -> None:
    """Whatever stands in italics is one, or begins the titles of several."""
    told = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", TEXT))
    assert {name for name in told if not any(t.startswith(name) for t in TITLES)} == set()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_links_lead_somewhere(link: str) -> None:
    """To a file, and to a heading of it."""
    path, _, anchor = link.partition("#")
    target: Path = PAGE.parent / path
    assert target.exists()
    if anchor:
        titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {
            re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles
        }
