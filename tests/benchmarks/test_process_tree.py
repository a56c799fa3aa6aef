"""What a process and its children have cost."""

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.process_tree import BenchFailed, Running, cpu_s, tree

PARENT = """
import subprocess, sys
child = "import time; print('up', flush=True); time.sleep(600)"
subprocess.run([sys.executable, "-c", child])
"""


def test_children_are_counted_and_killed(tmp_path: Path) -> None:
    """Memory and processor time are the tree's, and nothing is left of it."""
    running = Running([sys.executable, "-c", PARENT], os.environ, tmp_path / "log")
    try:
        while "up" not in running.log:
            running.check()
        pids = running.pids
        assert len(pids) == 2
        assert running.peak_mib > 5
        assert running.cpu_s > 0
    finally:
        running.kill()
    assert running.has_ended
    give_up_at = time.monotonic() + 30  # a kill is only on its way when kill(2) returns
    while any(map(_lives, pids)) and time.monotonic() < give_up_at:
        time.sleep(0.01)
    assert not any(map(_lives, pids))


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"  # nobody may have asked how it ended


def test_who_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    """A contender that cannot start says why."""
    running = Running(
        [sys.executable, "-c", "raise SystemExit('no')"], os.environ, tmp_path / "log"
    )
    while not running.has_ended:
        pass
    with pytest.raises(BenchFailed, match=r"ended with 1\nno"):
        running.check()


def test_who_is_gone_costs_nothing() -> None:
    """A process may end between two looks."""
    assert tree(2**22 + 1) == [2**22 + 1]
    assert cpu_s(2**22 + 1) == 0
