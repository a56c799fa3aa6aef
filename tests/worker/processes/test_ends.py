"""What the end of a process means."""

import signal

import pytest

from worker.lifecycle import ExitCode
from worker.processes.ends import meaning, of_all, restart_after_s, said


def test_a_process_that_keeps_dying_is_tried_less_and_less_often() -> None:
    """1 second, doubling to 30, however often."""
    assert [restart_after_s(n) for n in (1, 2, 3, 5, 6, 7, 10_000)] == [1, 2, 4, 16, 30, 30, 30]


@pytest.mark.parametrize(
    ("status", "word"),
    [(0, "exit code 0"), (1, "exit code 1"), (-9, "SIGKILL"), (-11, "SIGSEGV"), (-99, "signal 99")],
)
def test_an_end_in_words(status: int, word: str) -> None:
    """As a person looks for it."""
    assert said(status) == word


@pytest.mark.parametrize(
    ("status", "killed", "code"),
    [
        (0, False, ExitCode.DRAINED),
        (1, False, ExitCode.CRASHED),
        (3, False, ExitCode.HALTED),
        (130, False, ExitCode.FORCED),
        (77, False, ExitCode.CRASHED),
        (-signal.SIGSEGV, False, ExitCode.CRASHED),
        (-signal.SIGTERM, False, ExitCode.DRAINED),
        (-signal.SIGKILL, False, ExitCode.CRASHED),
        (-signal.SIGKILL, True, ExitCode.FORCED),
    ],
)
def test_what_an_end_means(status: int, killed: bool, code: ExitCode) -> None:
    """A signal that comes before it can listen ends it with nothing claimed."""
    assert meaning(status, killed=killed) is code


@pytest.mark.parametrize(
    ("codes", "whole"),
    [
        ([0, 0], 0),
        ([0, 130, 0], 130),
        ([0, 3, 130], 3),
        ([2, 2], 2),
        ([0, 1], 1),
        ([], 0),
    ],
)
def test_the_whole_ends_as_its_worst(codes: list[int], whole: int) -> None:
    """Halted before forced before drained."""
    assert of_all(ExitCode(code) for code in codes) is ExitCode(whole)
