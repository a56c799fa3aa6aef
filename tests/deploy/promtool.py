"""Prometheus' own checks, where Debian's `prometheus` package is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool: apt-get install prometheus"
)
_PATIENCE_S = 60


def promtool(*words: str | Path) -> tuple[int, str]:
    """Run it; returns its exit code and what it said."""
    done = subprocess.run(
        ["promtool", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    return done.returncode, done.stdout + done.stderr
