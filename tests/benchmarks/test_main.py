"""What the table consists of, and how long it takes."""

import sys
from dataclasses import replace

import pytest

from benchmarks.__main__ import GROUPS, PARTS, TABLE, main
from benchmarks.sizes import SIZES


def test_every_size_has_every_part() -> None:
    """Somebody takes turns in each, and it is known about how long."""
    for size in SIZES.values():
        for make in PARTS.values():
            part = make(size)
            assert part.turns
            assert part.expected_s > 0
            assert len({turn.name for turn in part.turns}) == len(part.turns)


def test_groups_are_of_parts() -> None:
    """No name in them is a mistake."""
    assert {part for group in GROUPS.values() for part in group} <= {*PARTS}


def test_the_default_table_takes_three_quarters_of_an_hour() -> None:
    """As the README promises; the least of it are three runs where processors are measured."""
    size = SIZES["medium"]
    minutes = {name: make(size).expected_s / 60 for name, make in PARTS.items()}
    assert sum(minutes[name] for name in TABLE) <= 45
    assert size.runs >= 3
    assert sum(minutes[name] for name in GROUPS["scale"]) <= 10


def test_two_rounds_of_a_server_kept_full_take_less_than_half_an_hour() -> None:
    """`--rows saturation --runs 2`, with every fixed limit and every number of workers."""
    size = replace(SIZES["medium"], long_runs=2)
    assert sum(PARTS[name](size).expected_s for name in GROUPS["saturation"]) <= 25 * 60


def test_who_does_not_exist_is_no_choice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip of the keyboard would else be a table without that column."""
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--rows", "cpu", "--only", "ours", "saqq"])
    with pytest.raises(SystemExit):
        main()
    assert "saqq" in capsys.readouterr().err
