"""What the end of a process means, and when another takes its place: pure."""

import signal
from collections.abc import Iterable

from worker.lifecycle import ExitCode

_FIRST_S, _MOST_S = 1.0, 30.0
HEALTHY_AFTER_S = 60.0
"""A process that lived this long has not died at its start: what was before is forgotten."""
FINAL = frozenset({ExitCode.HALTED, ExitCode.MISCONFIGURED})
"""Another process would end in the same way."""
_WORST_FIRST = (
    ExitCode.HALTED,
    ExitCode.MISCONFIGURED,
    ExitCode.FORCED,
    ExitCode.CRASHED,
    ExitCode.DRAINED,
)


def restart_after_s(deaths: int) -> float:
    """Seconds until the next try, after so many deaths in a row: 1, 2, 4 … 30."""
    return min(_FIRST_S * 2.0 ** min(deaths - 1, 10), _MOST_S)


def said(exit_status: int) -> str:
    """An exit status as a person calls it: a code, or the name of the signal that killed."""
    if exit_status >= 0:
        return f"exit code {exit_status}"
    try:
        return signal.Signals(-exit_status).name
    except ValueError:
        return f"signal {-exit_status}"


def meaning(exit_status: int, *, killed: bool) -> ExitCode:
    """What a process has to say for the whole that is leaving.

    Args:
        exit_status: as the operating system tells it; a signal is negative.
        killed: by its parent, whose patience was over.
    """
    if killed:
        return ExitCode.FORCED
    if exit_status == -signal.SIGTERM:
        return ExitCode.DRAINED  # it came before it could listen: nothing was claimed
    known = exit_status in {*ExitCode}
    return ExitCode(exit_status) if known else ExitCode.CRASHED


def of_all(codes: Iterable[ExitCode]) -> ExitCode:
    """The worst of them, which is what the whole ends with."""
    return min(codes, key=_WORST_FIRST.index, default=ExitCode.DRAINED)
