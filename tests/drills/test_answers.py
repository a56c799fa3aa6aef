"""Lines come from wherever the trainee is."""

import io
import os
from pathlib import Path

import pytest

from drills.answers import Answers


async def test_the_lines_of_a_file(tmp_path: Path) -> None:
    """Blank ones are none, the last needs no end; then there are no more, however often asked."""
    file = tmp_path / "answers"
    file.write_bytes(b"3\n\n  give up \r\n\xff\nlast")
    answers = Answers(file)
    answers.begin()
    lines = [await answers.line() for _ in range(6)]
    assert lines == ["3", "give up", "\ufffd", "last", None, None]


async def test_a_fifo_goes_on_when_a_writer_has_gone(tmp_path: Path) -> None:
    """So that each answer may be an `echo` of its own."""
    fifo = tmp_path / "answers"
    os.mkfifo(fifo)
    answers = Answers(fifo)
    answers.begin()
    for word in ("one", "two"):
        with fifo.open("w") as writer:
            writer.write(f"{word}\n")
        assert await answers.line() == word


async def test_no_standard_input_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a job without a terminal: every round is given up."""
    with io.TextIOWrapper(io.FileIO(os.devnull)) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        answers = Answers()
        answers.begin()
        assert await answers.line() is None
