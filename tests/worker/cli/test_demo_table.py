"""The demo's live table: what is in a job is shown, never obeyed."""

import importlib
import io
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from shared.enums import JobType
from worker.embedded.samples import Sample, samples

DEMO = importlib.import_module("worker.cli.demo")  # the name in the package is the function
SAMPLE = Sample("text-tag-1", JobType.TEXT_TAG, {"memory_id": "m1", "content": "Ferry to Naxos"})


def _shown(job: Mapping[str, Any] | None, sample: Sample = SAMPLE) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=200, force_terminal=True, color_system="standard")
    console.print(DEMO._table([sample], {} if job is None else {sample.job_id: job}))
    return stream.getvalue().splitlines()[-1]


@pytest.mark.parametrize(
    ("job", "parts"),
    [
        (None, ["queued"]),
        ({"status": "processing"}, ["\x1b[33mprocessing"]),
        (
            {"status": "completed", "result": {"memory_id": "m1", "tags": ["größe"]}},
            ["\x1b[32mcompleted", '{"tags": ["größe"]}'],
        ),
        (
            {"status": "failed", "error_message": "bug: no", "result": None},
            ["\x1b[31mfailed", "bug: no"],
        ),
    ],
)
def test_a_row_says_what_was_asked_and_what_came(
    job: Mapping[str, Any] | None, parts: list[str]
) -> None:
    """The job's id, its words, its status in its colour, its result or its error."""
    row = _shown(job)
    assert "text-tag-1" in row
    assert "Ferry to Naxos" in row
    for part in parts:
        assert part in row
    assert "m1" not in row


def test_hostile_words_are_only_words() -> None:
    """Neither markup nor control characters of a job reach the terminal as such."""
    evil = "[red]x[/] [/nothing] \x1b[2J\x07"
    sample = Sample("evil", JobType.TEXT_TAG, {"content": evil})
    row = _shown({"status": "failed", "error_message": evil}, sample)
    assert row.count("[red]x[/] [/nothing]") == 2
    assert "\x1b[2J" not in row
    assert "\x07" not in row


def test_long_words_are_cut() -> None:
    """A row stays a row."""
    sample = Sample("long", JobType.TEXT_TAG, {"content": "x " * 9_999})
    assert len(_shown({"status": "completed", "result": {"a": "y" * 9_999}}, sample)) < 300


def test_every_sample_fits() -> None:
    """There are two of each type and one that is wrong on purpose; each has words to show."""
    shown = list(samples())
    assert {sample.job_type for sample in shown} == set(JobType)
    assert len({sample.job_id for sample in shown}) == len(shown) == 2 * len(JobType) + 1
    for sample in shown:
        assert sample.job_id in _shown(None, sample)
