"""docs/cli.md knows every command and every exit code, and no others."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import typer.main

from worker.cli import app
from worker.lifecycle import ExitCode

DOCS = (Path(__file__).parents[1] / "docs/cli.md").read_text(encoding="utf-8")


def _rows(title: str) -> list[list[str]]:
    section = DOCS.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Each command with its help."""
    context = group.make_context("llm-worker", [], resilient_parsing=True)
    for name in cast("list[str]", group.list_commands(context)):
        command = group.get_command(context, name)
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield before + name, command.help or ""


COMMANDS = dict(_commands(typer.main.get_command(app)))
TOLD = {row[0].strip("`"): row[2] for row in _rows("Commands")}


def test_every_command_is_told_of() -> None:
    """None is missing, none is left over."""
    assert TOLD.keys() == COMMANDS.keys()


def test_every_exit_code_is_told_of() -> None:
    """By number and name."""
    told = {(int(row[0]), row[1].strip("`")) for row in _rows("Exit codes")}
    assert told == {(int(code), code.name) for code in ExitCode}


@pytest.mark.parametrize("name", TOLD)
def test_a_commands_codes_are_those_of_its_help(name: str) -> None:
    """And each of them is one that there is."""
    told = {int(code) for code in TOLD[name].split(",")}
    assert told <= set(map(int, ExitCode))
    said = re.search(r"Exit codes: (.*)", COMMANDS[name], re.DOTALL)
    if said is not None:
        found = {int(code) for code in re.findall(r"(?:^|\s)(\d+)\s[a-zA-Z]", said[1])}
        assert told == found
