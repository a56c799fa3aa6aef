"""Which processes this one has started and not yet waited for."""

import os
from pathlib import Path

import pytest

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks in /proc")


def children(parent: int | None = None) -> set[int]:
    """The ids of a process's children, dead ones that nobody has waited for included."""
    wanted = str(parent or os.getpid())
    found: set[int] = set()
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = place.read_text(errors="replace")
        except OSError:  # it has just ended
            continue
        if text.rpartition(")")[2].split()[1] == wanted:
            found.add(int(place.parent.name))
    return found
